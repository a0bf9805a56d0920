// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Places in a few pinned buffers through which host memory reaches the device, so that the host need not
/// wait for its copies: the buffers are filled one after the other, and one is used again when the copies out
/// of it are done.

#include <candor/core/config.hpp>

#include <algorithm>
#include <cstddef>

namespace CANDOR_NS {

/// The book-keeping alone: which bytes of which buffer come next.
class staging_ring {
 public:
  static constexpr int buffers = 2;
  static constexpr std::size_t alignment = 64;  // bytes

  struct place {
    int buffer = 0;
    std::size_t offset = 0, bytes = 0;
    int closed =
        -1;  ///< the buffer before this one, where this is the first place of another one: the copies out
             ///< of it have all been issued, and those out of `buffer` must have ended; else -1
  };

  /// `size` bytes in each buffer.
  explicit staging_ring(std::size_t size) : size_(size) {}

  std::size_t size() const { return size_; }

  /// Room for the next `wanted` > 0 bytes of a copy, or for as many of them as fit.
  place take(std::size_t wanted) {
    place p;
    if (used_ == size_ || (used_ > 0 && used_ + std::min(wanted, size_) > size_)) {
      p.closed = current_;
      current_ = (current_ + 1) % buffers;
      used_ = 0;
    }
    p.buffer = current_;
    p.offset = used_;
    p.bytes = std::min(wanted, size_ - used_);
    used_ = std::min(size_, (used_ + p.bytes + alignment - 1) / alignment * alignment);
    return p;
  }

 private:
  std::size_t size_, used_ = 0;
  int current_ = 0;
};

}  // namespace CANDOR_NS
