// SPDX-License-Identifier: Apache-2.0
// Loads, stores and asynchronous copies. Nothing is touched before the books have been asked.
#include "cuda/simulator/device_memory.hpp"
#include "cuda/simulator/operations.hpp"

#include <candor/core/error.hpp>

namespace simulator {
namespace {

enum class space { shared, global, param, local, generic };

void require_inside(const std::byte* p, std::size_t bytes, const void* begin, std::size_t size,
                    const char* name) {
  const auto at = reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(begin);
  if (at > size || bytes > size - at || at % bytes != 0)
    throw device_fault(
        candor::text(bytes, " bytes at ", static_cast<std::int64_t>(at), " of ", size, " bytes of ", name));
}
/// Where a generic address leads.
space space_of(const thread& t, const std::byte* p) {
  const auto inside = [p](const void* begin, std::size_t size) {
    return p >= begin && p < static_cast<const std::byte*>(begin) + size;
  };
  if (t.home->shared->holds(p)) return space::shared;
  if (inside(t.body->parameters.get(), t.body->parameter_bytes)) return space::param;
  if (inside(reinterpret_cast<const void*>(t.slots[special::locals]), t.body->local_bytes))
    return space::local;
  return space::global;
}

/// Throws where a thread may not touch `bytes` from p, an address of the host.
void touch(thread& t, space where, std::byte* p, std::size_t bytes, bool write) {
  switch (where) {
    case space::generic: return touch(t, space_of(t, p), p, bytes, write);
    case space::global: return t.home->global->touch(p, bytes, bytes, write);
    case space::param:
      return require_inside(p, bytes, t.body->parameters.get(), t.body->parameter_bytes, "parameters");
    case space::local:
      return require_inside(p, bytes, reinterpret_cast<const void*>(t.slots[special::locals]),
                            t.body->local_bytes, "local memory");
    case space::shared:
      return t.home->shared->touch(static_cast<std::uint64_t>(p - t.home->shared->data()), bytes, write,
                                   t.who);
  }
}

/// Where [operand n + offset] lies on the host. Addresses of shared memory count from where a block's begins.
template <space where>
std::byte* reach(thread& t, const instruction& i, int n, std::size_t bytes, bool write) {
  std::byte* p = nullptr;
  if constexpr (where == space::shared)
    p = t.home->shared->data() +
        static_cast<std::uint32_t>(get<std::uint32_t>(t, i, n) + static_cast<std::uint64_t>(i.offset));
  else
    p = reinterpret_cast<std::byte*>(get<std::uint64_t>(t, i, n) + static_cast<std::uint64_t>(i.offset));
  touch(t, where, p, bytes, write);
  if (t.traffic != nullptr &&
      (where == space::global || (where == space::generic && space_of(t, p) == space::global)))
    t.traffic->push_back({&i, p, bytes});
  return p;
}

template <space where, class T>
void load(thread& t, const instruction& i) {
  const std::byte* from = reach<where>(t, i, i.count, sizeof(T) * static_cast<std::size_t>(i.count), false);
  for (int n = 0; n < i.count; ++n) {
    T value;
    std::memcpy(&value, from + sizeof(T) * static_cast<std::size_t>(n), sizeof value);
    put<T>(t, i, n, value);
  }
}
template <space where, class T>
void store(thread& t, const instruction& i) {
  std::byte* to = reach<where>(t, i, 0, sizeof(T) * static_cast<std::size_t>(i.count), true);
  for (int n = 0; n < i.count; ++n) {
    const T value = get<T>(t, i, n + 1);
    std::memcpy(to + sizeof(T) * static_cast<std::size_t>(n), &value, sizeof value);
  }
}

template <class T>
void add_type(vocabulary& v, const std::string& type) {
  for (const std::string vector : {"", ".v2", ".v4"}) {
    const std::string end = vector + "." + type;
    v["ld.param" + end] = {.run = load<space::param, T>, .operands = 2};
    v["ld.shared" + end] = {.run = load<space::shared, T>, .operands = 2};
    v["ld.global" + end] = {.run = load<space::global, T>, .operands = 2};
    v["ld.local" + end] = {.run = load<space::local, T>, .operands = 2};
    v["ld" + end] = {.run = load<space::generic, T>, .operands = 2};
    v["st" + end] = {.run = store<space::generic, T>, .operands = 2};
    v["st.shared" + end] = {.run = store<space::shared, T>, .operands = 2};
    v["st.global" + end] = {.run = store<space::global, T>, .operands = 2};
    v["st.global.wb" + end] = v["st.global" + end];
    v["st.local" + end] = {.run = store<space::local, T>, .operands = 2};
  }
}

void begin_copy(thread& t, const instruction& i) {
  const async_copy copy{.to = get<std::uint32_t>(t, i, 0),
                        .from = reinterpret_cast<const std::byte*>(get<std::uint64_t>(t, i, 1)),
                        .bytes = get<std::uint32_t>(t, i, 2),
                        .present = get<std::uint32_t>(t, i, 3)};
  if (copy.bytes != 16 || copy.present > 16)
    throw device_fault("an asynchronous copy that does not have 16 bytes");
  if (reinterpret_cast<std::uintptr_t>(copy.from) % 16 != 0)
    throw device_fault("an asynchronous copy from an address that is not a multiple of 16");
  if (copy.present > 0) t.home->global->touch(copy.from, copy.present, 16, false);
  t.home->shared->begin_copy(copy.to, copy.bytes, t.who);
  t.open_copies.push_back(copy);
  if (t.traffic != nullptr) t.traffic->push_back({&i, copy.from, copy.present});
}
void close_group(thread& t, const instruction&) {
  t.open_groups.push_back(std::move(t.open_copies));
  t.open_copies.clear();
}
void wait_for_groups(thread& t, const instruction& i) {
  while (t.open_groups.size() > get<std::uint32_t>(t, i, 0)) {
    for (const async_copy& c : t.open_groups.front()) {
      t.home->shared->end_copy(c.to, c.bytes, t.who);
      std::byte* to = t.home->shared->data() + c.to;
      std::memset(to, 0, c.bytes);
      if (c.present > 0) std::memcpy(to, c.from, c.present);
    }
    t.open_groups.pop_front();
  }
}

}  // namespace

void add_memory(vocabulary& v) {
  add_type<std::uint8_t>(v, "u8");
  add_type<std::int8_t>(v, "s8");
  add_type<std::uint16_t>(v, "u16");
  add_type<std::int16_t>(v, "s16");
  add_type<std::uint32_t>(v, "u32");
  add_type<std::uint32_t>(v, "b32");
  add_type<std::int32_t>(v, "s32");
  add_type<std::uint64_t>(v, "u64");
  add_type<std::uint64_t>(v, "b64");
  add_type<std::int64_t>(v, "s64");
  add_type<float>(v, "f32");
  add_type<double>(v, "f64");
  v["cp.async.cg.shared.global.L2::128B"] = {.run = begin_copy, .operands = 4};
  v["cp.async.commit_group"] = {.run = close_group, .operands = 0};
  v["cp.async.wait_group"] = {.run = wait_for_groups, .operands = 1};
}

}  // namespace simulator
