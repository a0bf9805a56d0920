// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/device_memory.hpp"

#include "cuda/simulator/program.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace simulator {

std::byte* device_memory::take(std::size_t bytes) {
  const std::size_t all = bytes + region_alignment + 2 * margin;
  region r{bytes, std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[all]),
           std::unique_ptr<std::uint8_t[]>(new (std::nothrow) std::uint8_t[bytes + 1]()),
           std::unique_ptr<std::uint64_t[]>(new (std::nothrow) std::uint64_t[bytes / 2 + 1]())};
  if (!r.storage || !r.written || !r.writers) return nullptr;
  const auto begin = (reinterpret_cast<std::uintptr_t>(r.storage.get()) + margin + region_alignment - 1) /
                     region_alignment * region_alignment;
  std::memset(r.storage.get(), 0xff, all);  // NaN in every format
  regions_.emplace(begin, std::move(r));
  return reinterpret_cast<std::byte*>(begin);
}

bool device_memory::give(const void* data) {
  const auto found = regions_.find(reinterpret_cast<std::uintptr_t>(data));
  if (found == regions_.end()) return false;
  std::ranges::fill(recent_, nullptr);
  regions_.erase(found);
  return true;
}

const std::pair<const std::uintptr_t, device_memory::region>* device_memory::find(std::uintptr_t at) const {
  for (const auto* r : recent_)
    if (r != nullptr && at >= r->first && at < r->first + r->second.bytes) return r;
  auto after = regions_.upper_bound(at);
  if (after == regions_.begin()) return nullptr;
  const auto& r = *--after;
  if (at >= r.first + r.second.bytes) return nullptr;
  recent_[turn_++ % std::size(recent_)] = &r;
  return &r;
}

const std::pair<const std::uintptr_t, device_memory::region>& device_memory::region_of(const void* data,
                                                                                       std::size_t bytes,
                                                                                       std::size_t alignment,
                                                                                       bool write) const {
  const auto at = reinterpret_cast<std::uintptr_t>(data);
  const auto fail = [&](const std::string& what) {
    throw device_fault(
        candor::text(write ? "a write of " : "a read of ", bytes, " bytes of device memory ", what));
  };
  const auto* r = find(at);
  if (r == nullptr || bytes > r->first + r->second.bytes - at) {
    const auto after = regions_.upper_bound(at);
    if (after == regions_.begin()) fail("where there is none");
    const auto& [begin, region] = *std::prev(after);
    fail(candor::text("at byte ", at - begin, " of a region of ", region.bytes));
  }
  if (at % alignment != 0)
    fail(candor::text("at byte ", at - r->first, " of a region, which is not a multiple of ", alignment));
  return *r;
}

void device_memory::touch(const void* data, std::size_t bytes, std::size_t alignment, bool write) {
  const auto& [begin, region] = region_of(data, bytes, alignment, write);
  const std::size_t at = reinterpret_cast<std::uintptr_t>(data) - begin;
  std::uint8_t* written = region.written.get() + at;
  if (write)
    std::memset(written, 1, bytes);
  else if (std::memchr(written, 0, bytes) != nullptr)
    throw device_fault(candor::text("a read of ", bytes, " bytes of device memory that nobody wrote"));
  if (visitor_ == 0) return;
  for (std::size_t n = at / 2; n < (at + bytes + 1) / 2; ++n) {
    std::uint64_t& writer = region.writers[n];
    if (writer >> 32 == visitor_ >> 32 && writer != visitor_)
      throw device_fault(candor::text(write ? "a write of " : "a read of ", bytes,
                                      " bytes of device memory that another block of the launch wrote"));
    if (write) writer = visitor_;
  }
}

void device_memory::copy(void* to, const void* from, std::size_t bytes) {
  const auto written = [&](const void* data, bool write) {
    const auto& [begin, region] = region_of(data, bytes, 1, write);
    return region.written.get() + (reinterpret_cast<std::uintptr_t>(data) - begin);
  };
  const auto *source = static_cast<const std::byte*>(from), *target = static_cast<const std::byte*>(to);
  if (source < target + bytes && target < source + bytes)
    throw device_fault("a copy between places that overlap");
  std::memcpy(written(to, true), written(from, false), bytes);
  std::memcpy(to, from, bytes);
}

}  // namespace simulator
