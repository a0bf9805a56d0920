// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/shared_memory.hpp"

#include "cuda/simulator/thread.hpp"

#include <candor/core/error.hpp>

namespace simulator {

shared_memory::shared_memory() : cells_(most / grain), storage_(most + 1024) {
  const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
  data_ = storage_.data() + (1024 - address % 1024) % 1024;
}

void shared_memory::begin(std::size_t bytes) {
  size_ = bytes;
  ++block_;
}

bool shared_memory::before(const access& a, const visitor& now) const {
  return a.block != block_ || a.who.thread == now.thread || a.who.block_barriers < now.block_barriers ||
         (a.who.thread / warp_size == now.thread / warp_size && a.who.warp_barriers < now.warp_barriers);
}

void shared_memory::touch(std::uint64_t at, std::size_t bytes, bool write, const visitor& who) {
  const auto place = [&] { return candor::text(bytes, " bytes of shared memory at ", at); };
  if (at > size_ || bytes > size_ - at)
    throw device_fault(place() + candor::text(", of ", size_, " that the block has"));
  if (at % bytes != 0) throw device_fault(place() + ", which is not aligned");
  for (std::size_t n = at / grain; n <= (at + bytes - 1) / grain; ++n) {
    cell& c = cells_[n];
    if (c.copy_of == block_) throw device_fault(place() + ": a copy is on its way there");
    if (!before(c.written, who))
      throw device_fault(place() + candor::text(": thread ", c.written.who.thread,
                                                " wrote there and no barrier is between"));
    if (write) {
      const bool seen_now = c.read.block == block_ && c.read.who.block_barriers == who.block_barriers;
      const bool one_period = seen_now && c.read.who.warp_barriers == who.warp_barriers;
      if (!before(c.read, who) || (seen_now && c.read_by_warps) || (one_period && c.read_by_lanes))
        throw device_fault(
            place() + candor::text(": thread ", c.read.who.thread, " read there and no barrier is between"));
      c.written = {who, block_};
    } else {
      if (c.written.block != block_) throw device_fault(place() + ", which nobody wrote");
      const bool again = c.read.block == block_ && c.read.who.block_barriers == who.block_barriers;
      const bool same_warp = c.read.who.thread / warp_size == who.thread / warp_size;
      c.read_by_warps = again && (c.read_by_warps || !same_warp);
      c.read_by_lanes = again && same_warp && c.read.who.warp_barriers == who.warp_barriers &&
                        (c.read_by_lanes || c.read.who.thread != who.thread);
      c.read = {who, block_};
    }
  }
}

void shared_memory::begin_copy(std::uint64_t at, std::size_t bytes, const visitor& who) {
  touch(at, bytes, true, who);
  for (std::size_t n = at / grain; n < (at + bytes) / grain; ++n) cells_[n].copy_of = block_;
}

void shared_memory::end_copy(std::uint64_t at, std::size_t bytes, const visitor& who) {
  for (std::size_t n = at / grain; n < (at + bytes) / grain; ++n) {
    cells_[n].copy_of = 0;
    cells_[n].written = {who, block_};
  }
}

}  // namespace simulator
