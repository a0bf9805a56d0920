// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/grid.hpp"

#include "cuda/simulator/counts.hpp"
#include "cuda/simulator/thread.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace simulator {
namespace {

class grid_run {
 public:
  grid_run(const kernel& k, const launch_shape& shape, device_memory& global)
      : k_(k),
        shape_(shape),
        count_(static_cast<std::size_t>(shape.block[0]) * shape.block[1] * shape.block[2]),
        slots_(count_ * k.slots.size()),
        locals_(count_ * k.local_bytes + 16),
        threads_(count_) {
    home_ = {&shared_, &global};
    for (std::size_t n = 0; n < count_; ++n) {
      thread& t = threads_[n];
      t.slots = slots_.data() + n * k.slots.size();
      t.body = &k;
      t.home = &home_;
      std::ranges::copy(k.slots, t.slots);
      const auto [x, y, z] = place(n, shape.block);
      set(t, special::tid, x, y, z);
      set(t, special::ntid, shape.block[0], shape.block[1], shape.block[2]);
      set(t, special::nctaid, shape.grid[0], shape.grid[1], shape.grid[2]);
      if (counting()) t.traffic = &traffic_[n % warp_size];
      t.slots[special::laneid] = n % warp_size;
      t.slots[special::locals] = reinterpret_cast<slot>(locals_.data() + n * k.local_bytes);
    }
  }

  void run() {
    static std::uint64_t launches = 0;  // of the process
    ++launches;
    const std::size_t blocks = static_cast<std::size_t>(shape_.grid[0]) * shape_.grid[1] * shape_.grid[2];
    for (std::size_t n = 0; n < blocks; ++n) {
      block_ = place(backwards() ? blocks - 1 - n : n, shape_.grid);
      home_.global->visit(launches << 32 | n);
      run_block();
    }
    home_.global->visit(0);
    if (!counting()) return;
    auto& counts = counts_of(k_.name);
    ++counts.launches;
    for (const thread& t : threads_) counts.instructions += t.steps;
  }

 private:
  using triple = std::array<std::uint32_t, 3>;
  static triple place(std::size_t n, const std::uint32_t (&extent)[3]) {
    return {static_cast<std::uint32_t>(n % extent[0]), static_cast<std::uint32_t>(n / extent[0] % extent[1]),
            static_cast<std::uint32_t>(n / extent[0] / extent[1])};
  }
  static void set(thread& t, int first, std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    t.slots[first] = x;
    t.slots[first + 1] = y;
    t.slots[first + 2] = z;
  }
  /// CANDOR_SIMULATOR_ORDER=backwards: what depends on an order that the device does not promise comes out.
  static bool backwards() {
    static const char* order = std::getenv("CANDOR_SIMULATOR_ORDER");
    return order != nullptr && std::string_view(order) == "backwards";
  }

  void run_block() {
    shared_.begin(shape_.shared_bytes);
    std::ranges::fill(locals_, std::byte{0xff});
    for (std::size_t n = 0; n < count_; ++n) {
      thread& t = threads_[n];
      t.next = k_.code.data();
      t.state = standing::runs;
      t.who = {.thread = static_cast<std::uint32_t>(n)};
      set(t, special::ctaid, block_[0], block_[1], block_[2]);
    }
    for (;;) {
      for (std::size_t n = 0; n < count_; n += warp_size)
        run_warp(backwards() ? (count_ - 1 - n) / warp_size * warp_size : n);
      const auto ended = std::ranges::count(threads_, standing::ended, &thread::state);
      if (ended == static_cast<std::ptrdiff_t>(count_)) return;
      for (std::size_t n = 0; n < count_; ++n) {
        thread& t = threads_[n];
        if (t.state == standing::ended)
          fault(t, *(t.next - 1),
                candor::text("the thread has ended, ", count_ - static_cast<std::size_t>(ended),
                             " others wait at a barrier"));
        if (t.waits_at != threads_[n / warp_size * warp_size].waits_at)
          fault(t, *t.waits_at, "other lanes of the warp wait at another barrier");
        ++t.who.block_barriers;
      }
      for (thread& t : threads_) t.state = standing::runs;
    }
  }

  /// Until all its threads have ended or wait for the block.
  void run_warp(std::size_t first) {
    const std::size_t lanes = std::min<std::size_t>(warp_size, count_ - first);
    for (;;) {
      for (std::size_t n = 0; n < lanes; ++n) advance(threads_[first + (backwards() ? lanes - 1 - n : n)]);
      if (counting()) add_traffic(traffic_, counts_of(k_.name));
      bool met = false;
      for (std::size_t n = 0; n < lanes; ++n)
        if (threads_[first + n].state == standing::waits_for_warp) {
          meet(first, lanes, n);
          met = true;
        }
      if (!met) return;
    }
  }

  /// Lane n waits for its warp: all others that it asks for must be there.
  void meet(std::size_t first, std::size_t lanes, std::size_t n) {
    const instruction& at = *threads_[first + n].waits_at;
    const std::uint32_t mask =
        at.mask < 0 ? ~0u : static_cast<std::uint32_t>(threads_[first + n].slots[at.mask]);
    if (mask != ~0u || lanes < warp_size) fault(threads_[first + n], at, "only whole warps are simulated");
    warp_of_threads warp{};
    for (std::size_t lane = 0; lane < warp_size; ++lane) {
      thread& t = threads_[first + lane];
      if (t.state != standing::waits_for_warp || t.waits_at != &at)
        fault(threads_[first + n], at,
              candor::text("lane ", lane,
                           t.state == standing::ended
                               ? " has ended"
                               : candor::text(" is at `", k_.line((t.next - 1)->line), "`")));
      warp.lanes[lane] = &t;
    }
    guarded(threads_[first + n], at, [&] { at.together(warp, at); });
    for (thread* t : warp.lanes) t->state = standing::runs;
  }

  void advance(thread& t) {
    const instruction* at = t.next;
    try {
      while (t.state == standing::runs) {
        at = t.next++;
        ++t.steps;
        if (at->guard >= 0 && (t.slots[at->guard] != 0) == at->guard_negated) continue;
        at->run(t, *at);
      }
    } catch (const device_fault& e) {
      fault(t, *at, e.what());
    }
  }
  template <class F>
  void guarded(const thread& t, const instruction& at, F&& f) {
    try {
      f();
    } catch (const device_fault& e) {
      fault(t, at, e.what());
    }
  }
  [[noreturn]] void fault(const thread& t, const instruction& at, const std::string& what) const {
    throw device_fault(candor::text(k_.name, ", block (", block_[0], ", ", block_[1], ", ", block_[2],
                                    "), thread ", t.who.thread, ", `", k_.line(at.line), "`: ", what));
  }

  const kernel& k_;
  const launch_shape& shape_;
  std::size_t count_;
  std::vector<slot> slots_;
  std::vector<std::byte> locals_;
  std::vector<thread> threads_;
  block_view home_;
  triple block_{};
  std::array<std::vector<memory_access>, warp_size> traffic_;  // of the warp that runs
  static inline shared_memory shared_;
};

}  // namespace

void run_grid(const kernel& k, const launch_shape& shape, device_memory& global) {
  grid_run(k, shape, global).run();
}

}  // namespace simulator
