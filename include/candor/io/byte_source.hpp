// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bytes that are read at offsets, from a file or from memory. A file is read with pread and never mapped, so
/// that one that shrinks gives an error and not a signal.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace CANDOR_NS {

/// Movable; reading is thread-safe.
class byte_source {
 public:
  /// Opens a regular file: io_error where the system refuses, input_error where something else is there.
  explicit byte_source(std::filesystem::path path);
  /// Reads memory, which must outlive the source; `name` stands for the path in errors.
  byte_source(std::span<const std::byte> bytes, std::filesystem::path name);
  ~byte_source();
  byte_source(byte_source&& other) noexcept;
  byte_source& operator=(byte_source&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  /// Bytes, as they were when the source was opened.
  std::uint64_t size() const { return size_; }
  /// Copies the bytes from `offset` on into all of `out`; input_error where the source ends before.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;  ///< -1: memory
  std::span<const std::byte> memory_ = {};
  std::uint64_t size_ = 0;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/byte_source_impl.hpp>
#endif
