// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs device kernels on the host: the same body, written over a lane (backend/cuda/lane.hpp), one fiber a
// thread. Threads of a warp run one after the other until they meet in a collective operation, warps until
// they meet at a barrier, blocks one after the other; what a race would change is found by the memories, not
// by luck. Throws simt_fault where the kernel does what the device would not forgive, or would forgive only
// today.
//
//     simt gpu;
//     gpu.allow(in.data(), bytes, false);
//     gpu.allow(out.data(), bytes, true);
//     gpu.launch(my_kernel{...}, {.x = blocks}, shared_bytes);

#include "cuda/simt_banks.hpp"
#include "cuda/simt_fiber.hpp"
#include "cuda/simt_memory.hpp"

#include <candor/backend/cuda/lane.hpp>
#include <candor/core/scalar.hpp>

#include <cmath>
#include <deque>
#include <stdexcept>
#include <utility>

namespace candor_test {

struct simt_fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace simt_detail {

inline constexpr int warp_size = candor::device::warp_size;

/// What a thread waits for. All of a warp, or of a block, must wait for the same.
enum class meeting { none, sync, sync_warp, shuffle, load_matrix, load_matrix_transposed, multiply_add };
inline const char* name_of(meeting m) {
  constexpr const char* names[] = {
      "nothing", "sync", "sync_warp", "shuffle", "load_matrix", "load_matrix_transposed", "multiply_add"};
  return names[static_cast<int>(m)];
}

struct async_copy {
  shared_at to = 0;
  candor::device::sixteen_bytes bytes{};
};

struct thread_state {
  fiber stack;
  int index = 0;
  meeting waits_for = meeting::none;
  const void* in = nullptr;   ///< of a shuffle, or a of multiply_add
  const void* in2 = nullptr;  ///< b of multiply_add
  void* out = nullptr;
  std::uint32_t argument = 0;           ///< lane to take from, or offset in shared memory
  std::uint32_t size = 0;               ///< bytes of a shuffle
  std::vector<async_copy> open_copies;  ///< not yet in a group
  std::deque<std::vector<async_copy>> open_groups;
};

/// One block in progress.
class block {
 public:
  int size = 0, index[3] = {}, grid[3] = {};
  std::uint32_t number = 0;
  shared_memory shared;
  global_memory* global = nullptr;
  bank_counter* banks = nullptr;
  thread_state* running = nullptr;

  /// The running thread goes no further where something is wrong. Its stack is never entered again, so
  /// nothing that owns memory may stay on it.
  void check(std::string wrong) {
    if (wrong.empty()) return;
    fault_ = std::move(wrong);
    running->stack.pause();
  }
  void meet(meeting kind) {
    running->waits_for = kind;
    running->stack.pause();
  }
  access_time now(const thread_state& t) const {
    return {static_cast<std::uint32_t>(t.index), barriers_,
            warp_barriers_[static_cast<std::size_t>(t.index / warp_size)]};
  }
  access_time now() const { return now(*running); }

  template <class Body>
  void run(std::vector<thread_state>& threads, std::uint32_t shared_bytes, Body& body) {
    shared.reset(shared_bytes);
    barriers_ = 0;
    warp_barriers_.assign(static_cast<std::size_t>(size / warp_size), 0);
    for (int i = 0; i < size; ++i) {
      auto& t = threads[static_cast<std::size_t>(i)];
      t.index = i;
      t.waits_for = meeting::none;
      t.open_copies.clear();
      t.open_groups.clear();
      t.stack.start([](void* b) { (*static_cast<Body*>(b))(); }, &body);
    }
    for (bool more = true; more;) {
      int finished = 0;
      for (int w = 0; w < size; w += warp_size) finished += run_warp(&threads[static_cast<std::size_t>(w)]);
      if (finished != 0 && finished != size)
        throw simt_fault(candor::text("divergence: ", size - finished,
                                      " threads wait in sync, which the other ", finished,
                                      " of the block never reach"));
      more = finished == 0;
      ++barriers_;
      for (int i = 0; i < size; ++i) threads[static_cast<std::size_t>(i)].waits_for = meeting::none;
    }
    for (int i = 0; i < size; ++i)
      if (!threads[static_cast<std::size_t>(i)].open_copies.empty() ||
          !threads[static_cast<std::size_t>(i)].open_groups.empty())
        throw simt_fault(
            candor::text("copies: thread ", i, " ends with asynchronous copies that it has not waited for"));
  }

 private:
  /// Runs a warp until all its threads have ended or wait for the block. Returns how many have ended.
  int run_warp(thread_state* warp) {
    for (;;) {
      int finished = 0;
      for (int i = 0; i < warp_size; ++i) {
        if (!warp[i].stack.finished() && warp[i].waits_for == meeting::none) {
          running = &warp[i];
          warp[i].stack.resume();
          if (!fault_.empty()) throw simt_fault(fault_);
        }
        finished += warp[i].stack.finished();
      }
      banks->meet();
      if (finished == warp_size) return finished;
      const meeting kind = warp[0].waits_for;
      for (int i = 0; i < warp_size; ++i)
        if (warp[i].stack.finished() || warp[i].waits_for != kind)
          throw simt_fault(candor::text("divergence: thread ", warp[0].index, " of a warp ",
                                        state_of(warp[0]), ", thread ", warp[i].index, " ",
                                        state_of(warp[i])));
      if (kind == meeting::sync) return 0;
      collective(kind, warp);
      for (int i = 0; i < warp_size; ++i) warp[i].waits_for = meeting::none;
    }
  }
  static std::string state_of(const thread_state& t) {
    return t.stack.finished() ? std::string("has ended") : std::string("waits in ") + name_of(t.waits_for);
  }

  void collective(meeting kind, thread_state* warp) {
    switch (kind) {
      case meeting::sync_warp: ++warp_barriers_[static_cast<std::size_t>(warp[0].index / warp_size)]; break;
      case meeting::shuffle: shuffle(warp); break;
      case meeting::load_matrix: load_matrix(warp, false); break;
      case meeting::load_matrix_transposed: load_matrix(warp, true); break;
      default: multiply_add(warp); break;
    }
  }

  static void shuffle(thread_state* warp) {
    for (int i = 0; i < warp_size; ++i) {
      if (warp[i].argument >= static_cast<std::uint32_t>(warp_size))
        throw simt_fault(
            candor::text("shuffle: thread ", warp[i].index, " takes from lane ", warp[i].argument));
      std::memcpy(warp[i].out, warp[warp[i].argument].in, warp[i].size);
    }
  }

  void load_matrix(thread_state* warp, bool transposed) {
    std::uint16_t rows[warp_size][8];
    for (int i = 0; i < warp_size; ++i) {
      const shared_at at = warp[i].argument;
      if (auto wrong = shared.read(at, 16, now(warp[i])); !wrong.empty()) throw simt_fault(wrong);
      std::memcpy(rows[i], shared.at(at), 16);
      banks->note(i, at, 16);
    }
    banks->meet();
    for (int i = 0; i < warp_size; ++i) {
      auto* r = static_cast<std::uint32_t*>(warp[i].out);
      const int g = i / 4, t = i % 4;
      for (int m = 0; m < 4; ++m) {
        const std::uint32_t low = transposed ? rows[8 * m + 2 * t][g] : rows[8 * m + g][2 * t];
        const std::uint32_t high = transposed ? rows[8 * m + 2 * t + 1][g] : rows[8 * m + g][2 * t + 1];
        r[m] = low | high << 16;
      }
    }
  }

  static void multiply_add(thread_state* warp) {
    const auto low = [](std::uint32_t r) { return candor::bit_cast<float>(r << 16); };
    const auto high = [](std::uint32_t r) { return candor::bit_cast<float>(r & 0xffff0000u); };
    float a[16][16], b[16][8], c[16][8];
    for (int i = 0; i < warp_size; ++i) {
      const int g = i / 4, t = i % 4;
      const auto* ra = static_cast<const std::uint32_t*>(warp[i].in);
      for (int n = 0; n < 4; ++n) {
        a[g + 8 * (n % 2)][2 * t + 8 * (n / 2)] = low(ra[n]);
        a[g + 8 * (n % 2)][2 * t + 8 * (n / 2) + 1] = high(ra[n]);
      }
      const auto* rb = static_cast<const std::uint32_t*>(warp[i].in2);
      for (int n = 0; n < 2; ++n) {
        b[2 * t + 8 * n][g] = low(rb[n]);
        b[2 * t + 8 * n + 1][g] = high(rb[n]);
      }
      const auto* rc = static_cast<const float*>(warp[i].out);
      for (int n = 0; n < 4; ++n) c[g + 8 * (n / 2)][2 * t + n % 2] = rc[n];
    }
    for (int i = 0; i < 16; ++i)
      for (int k = 0; k < 16; ++k)
        for (int j = 0; j < 8; ++j) c[i][j] += a[i][k] * b[k][j];
    for (int i = 0; i < warp_size; ++i) {
      auto* rc = static_cast<float*>(warp[i].out);
      for (int n = 0; n < 4; ++n) rc[n] = c[i / 4 + 8 * (n / 2)][2 * (i % 4) + n % 2];
    }
  }

  std::string fault_;
  std::uint32_t barriers_ = 0;
  std::vector<std::uint32_t> warp_barriers_;
};

}  // namespace simt_detail

/// A lane of the emulator: the members are documented in backend/cuda/lane.hpp.
class simt_lane {
 public:
  explicit simt_lane(simt_detail::block& block) : block_(&block) {}

  int thread_index() const { return me().index; }
  int block_size() const { return block_->size; }
  int lane_index() const { return me().index % simt_detail::warp_size; }
  int warp_index() const { return me().index / simt_detail::warp_size; }
  int block_index(int axis) const { return block_->index[axis]; }
  int grid_size(int axis) const { return block_->grid[axis]; }

  template <class V>
  V load(const V* p) const {
    block_->check(block_->global->access(p, sizeof(V), false, block_->number));
    return *p;
  }
  template <class V>
  void store(V* p, V value) const {
    block_->check(block_->global->access(p, sizeof(V), true, block_->number));
    *p = value;
  }
  template <class V>
  V read(shared_at at) const {
    block_->check(block_->shared.read(at, sizeof(V), block_->now()));
    block_->banks->note(lane_index(), at, sizeof(V));
    V value;
    std::memcpy(&value, block_->shared.at(at), sizeof(V));
    return value;
  }
  template <class V>
  void write(shared_at at, V value) const {
    block_->check(block_->shared.write(at, sizeof(V), block_->now()));
    block_->banks->note(lane_index(), at, sizeof(V));
    std::memcpy(block_->shared.at(at), &value, sizeof(V));
  }

  void copy_async(shared_at at, const void* p, bool present) const {
    simt_detail::async_copy copy{at, {}};
    if (present) {
      block_->check(block_->global->access(p, 16, false, block_->number));
      std::memcpy(&copy.bytes, p, 16);
    }
    block_->check(block_->shared.start_copy(at, block_->now()));
    block_->banks->note(lane_index(), at, 16);
    me().open_copies.push_back(copy);
  }
  void commit_copies() const { me().open_groups.push_back(std::exchange(me().open_copies, {})); }
  template <int open>
  void wait_copies() const {
    auto& groups = me().open_groups;
    for (; groups.size() > open; groups.pop_front())
      for (const auto& copy : groups.front()) block_->shared.finish_copy(copy.to, &copy.bytes, block_->now());
  }

  void sync() const { block_->meet(simt_detail::meeting::sync); }
  void sync_warp() const { block_->meet(simt_detail::meeting::sync_warp); }
  template <class V>
  V shuffle(V value, int from) const {
    static_assert(sizeof(V) == 4 || sizeof(V) == 8);
    V out;
    me().in = &value;
    me().out = &out;
    me().argument = static_cast<std::uint32_t>(from);
    me().size = sizeof(V);
    block_->meet(simt_detail::meeting::shuffle);
    return out;
  }
  template <class V>
  V shuffle_xor(V value, int mask) const {
    return shuffle(value, lane_index() ^ mask);
  }
  void load_matrix(std::uint32_t (&r)[4], shared_at at) const {
    matrix(r, at, simt_detail::meeting::load_matrix);
  }
  void load_matrix_transposed(std::uint32_t (&r)[4], shared_at at) const {
    matrix(r, at, simt_detail::meeting::load_matrix_transposed);
  }
  void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) const {
    me().in = a;
    me().in2 = b;
    me().out = c;
    block_->meet(simt_detail::meeting::multiply_add);
  }

  float exp2(float x) const { return x < -126.0f ? 0.0f : std::exp2(x); }
  std::uint32_t pack_bfloat16(float low, float high) const {
    return candor::bfloat16(low).bits | static_cast<std::uint32_t>(candor::bfloat16(high).bits) << 16;
  }

 private:
  simt_detail::thread_state& me() const { return *block_->running; }
  void matrix(std::uint32_t (&r)[4], shared_at at, simt_detail::meeting kind) const {
    me().argument = at;
    me().out = r;
    block_->meet(kind);
  }
  simt_detail::block* block_;
};
static_assert(candor::device::lane_like<simt_lane>);

class simt {
 public:
  bank_counter banks;  ///< over all launches that were run with banks.counting

  /// The memory that kernels may read, and write where `writable`; nothing else.
  void allow(const void* begin, std::size_t bytes, bool writable) { global_.allow(begin, bytes, writable); }

  template <class Kernel>
  void launch(const Kernel& kernel, const candor::device::grid_extent& grid, std::uint32_t shared_bytes = 0) {
    global_.start();
    if (threads_.size() < Kernel::threads) threads_ = std::vector<simt_detail::thread_state>(Kernel::threads);
    simt_detail::block block;
    block.size = Kernel::threads;
    block.global = &global_;
    block.banks = &banks;
    const int extent[3] = {grid.x, grid.y, grid.z};
    std::copy_n(extent, 3, block.grid);
    const simt_lane lane(block);
    auto body = [&] { kernel(lane); };
    for (int z = 0; z < grid.z; ++z)
      for (int y = 0; y < grid.y; ++y)
        for (int x = 0; x < grid.x; ++x) {
          const int index[3] = {x, y, z};
          std::copy_n(index, 3, block.index);
          ++block.number;
          block.run(threads_, shared_bytes, body);
        }
  }

 private:
  global_memory global_;
  std::vector<simt_detail::thread_state> threads_;  // their stacks serve all launches
};

}  // namespace candor_test
