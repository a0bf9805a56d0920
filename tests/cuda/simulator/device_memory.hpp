// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of the simulated device: blocks of the host's, with a book of where they begin and end and of
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
  /// Throws device_fault where [data, data + bytes) is not all in one block or not aligned as an access of
  /// `alignment`, or is read and was not written.
  void touch(const void* data, std::size_t bytes, std::size_t alignment, bool write);
  /// Copies what was written as written and the rest as the rest. Throws as touch does.
  void copy(void* to, const void* from, std::size_t bytes);
  /// Whether `data` lies in a block.
  bool holds(const void* data) const;
  std::size_t in_use() const { return in_use_; }

 private:
  struct region {
    std::size_t bytes;
    std::unique_ptr<std::byte[]> storage;
    std::unique_ptr<std::uint8_t[]> written;  // a flag for each byte
  };
  const std::pair<const std::uintptr_t, region>* find(std::uintptr_t at) const;
  std::uint8_t* flags(const void* data, std::size_t bytes, std::size_t alignment, bool write);

  static constexpr std::size_t alignment_of_blocks = 256, margin = 256;  // bytes
  std::map<std::uintptr_t, region> regions_;
  mutable const std::pair<const std::uintptr_t, region>* recent_[4] = {};  // of find
  mutable unsigned turn_ = 0;
  std::size_t in_use_ = 0;
};

}  // namespace simulator
