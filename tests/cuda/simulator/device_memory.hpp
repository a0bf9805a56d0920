// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of the simulated device: regions of the host's, with a book of where they begin and end and of
// which bytes were written.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace simulator {

class device_memory {
 public:
  /// Null where `bytes` are not to be had.
  std::byte* take(std::size_t bytes);
  /// False where nothing begins there.
  bool give(const void* data);
  /// Throws device_fault where [data, data + bytes) is not all in one region or not aligned as an access of
  /// `alignment`, is read and was not written, or was written by another block of the launch that runs.
  void touch(const void* data, std::size_t bytes, std::size_t alignment, bool write);
  /// Who touches from now on: a launch in the upper half, its block in the lower one; 0 for copies and
  /// products.
  void visit(std::uint64_t who) { visitor_ = who; }
  /// Copies what was written as written and the rest as the rest. Throws as touch does.
  void copy(void* to, const void* from, std::size_t bytes);

 private:
  struct region {
    std::size_t bytes;
    std::unique_ptr<std::byte[]> storage;
    std::unique_ptr<std::uint8_t[]> written;   // a flag for each byte
    std::unique_ptr<std::uint64_t[]> writers;  // of each two bytes
  };
  const std::pair<const std::uintptr_t, region>* find(std::uintptr_t at) const;
  const std::pair<const std::uintptr_t, region>& region_of(const void* data, std::size_t bytes,
                                                           std::size_t alignment, bool write) const;

  static constexpr std::size_t region_alignment = 256, margin = 256;  // bytes
  std::map<std::uintptr_t, region> regions_;
  mutable const std::pair<const std::uintptr_t, region>* recent_[4] = {};  // of find
  mutable unsigned turn_ = 0;
  std::uint64_t visitor_ = 0;
};

}  // namespace simulator
