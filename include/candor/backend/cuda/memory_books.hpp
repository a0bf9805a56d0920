// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a device's memory is used for, in bytes: current, peak, and the limit that the user set.

#include <candor/core/config.hpp>
#include <candor/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace CANDOR_NS {

/// Not thread-safe: its owner locks.
class memory_books {
 public:
  /// Blocks are counted in multiples of this, as the driver's pool hands them out.
  static constexpr std::size_t granularity = 512;  // bytes

  explicit memory_books(std::uint64_t limit = 0) : limit_(limit) {}  ///< bytes, 0: what the device has

  /// The size of the block that an allocation of so many bytes takes; never 0.
  static constexpr std::size_t block_size(std::size_t bytes) {
    return (std::max<std::size_t>(bytes, 1) + granularity - 1) / granularity * granularity;
  }

  /// Whether a block of this size stays within the limit.
  bool allows(std::size_t block) const { return limit_ == 0 || block <= limit_ - std::min(in_use_, limit_); }
  void take(std::size_t block) {
    in_use_ += block;
    peak_ = std::max(peak_, in_use_);
  }
  void give(std::size_t block) noexcept { in_use_ -= block; }

  std::uint64_t in_use() const { return in_use_; }
  std::uint64_t peak() const { return peak_; }
  std::uint64_t limit() const { return limit_; }

  /// Throws the memory_error of an allocation that failed; `total` is what the device has.
  [[noreturn]] void refuse(std::size_t bytes, std::uint64_t total) const {
    const std::string most =
        limit_ > 0 ? text(limit_ >> 20, " MiB (--memory-limit)") : text("the device's ", total >> 20, " MiB");
    fail<memory_error>("[cuda] cannot allocate ", (bytes + (std::size_t{1} << 20) - 1) >> 20,
                       " MiB: ", in_use_ >> 20, " MiB are in use, the limit is ", most,
                       "; lower --max-tokens, use --recompute true, or train with LoRA");
  }

 private:
  std::uint64_t limit_, in_use_ = 0, peak_ = 0;
};

}  // namespace CANDOR_NS
