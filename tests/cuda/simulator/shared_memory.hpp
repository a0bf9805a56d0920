// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shared memory of the block that runs, with a book of who touched what since when: two threads that
// touch the same bytes, one of them writing, without a barrier between are a fault, whatever came out this
// time.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace simulator {

/// Who comes, and how many barriers he has passed.
struct visitor {
  std::uint32_t thread = 0, block_barriers = 0, warp_barriers = 0;
};

class shared_memory {
 public:
  static constexpr std::size_t most = 227 * 1024;  // bytes of a block, sm_90

  shared_memory();
  /// A block begins: all bytes are as if never written.
  void begin(std::size_t bytes);
  std::size_t size() const { return size_; }
  /// Where offset 0 is in the generic address space.
  std::byte* data() { return data_; }
  bool holds(const void* p) const { return p >= data_ && p < data_ + size_; }

  /// Throws device_fault where the bytes are outside, not aligned, read before they are written, or a race.
  void touch(std::uint64_t at, std::size_t bytes, bool write, const visitor& who);
  /// A copy to these bytes begins: until it ends nobody may touch them. As touch.
  void begin_copy(std::uint64_t at, std::size_t bytes, const visitor& who);
  void end_copy(std::uint64_t at, std::size_t bytes, const visitor& who);

 private:
  static constexpr std::size_t grain = 2;  // bytes: no kernel here writes single ones
  struct access {
    visitor who;
    std::uint32_t block = 0;  // number of the block, 0: never
  };
  struct cell {
    access written, read;
    bool read_by_warps = false;  // threads of several warps have read since the last barrier of the block
    bool read_by_lanes = false;  // several lanes of the warp since its last barrier
    std::uint32_t copy_of = 0;   // block whose copy is on its way here, 0: none
  };
  bool before(const access& a, const visitor& now) const;

  std::vector<cell> cells_;
  std::vector<std::byte> storage_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t block_ = 0;
};

}  // namespace simulator
