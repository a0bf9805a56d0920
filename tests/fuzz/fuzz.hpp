// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the fuzz targets share: inputs as files that never reach a disk, and what counts as a refusal.

#include "support/child.hpp"

#include <candor/core/error.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace candor_fuzz {

/// Ends the process where a promise of the library is broken, so that libFuzzer keeps the input.
inline void promise(bool kept, std::string_view what) {
  if (kept) return;
  std::fprintf(stderr, "a promise is broken: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

/// Whether `read` accepts the input. Only input_error is a refusal: all else that is thrown ends the run, and
/// so does a refusal that does not begin with `place`, where the thing and its place are named.
template <class Read>
bool accepted(std::string_view place, Read read) {
  try {
    read();
    return true;
  } catch (const candor::input_error& refusal) {
    promise(std::string_view(refusal.what()).find(place) != std::string_view::npos, refusal.what());
    return false;
  }
}

/// A file in memory that the library opens by its path as it opens any other.
class memory_file {
 public:
  memory_file() : descriptor_(::memfd_create("candor-fuzz", 0)) {
    promise(descriptor_ >= 0, "memfd_create gives a file");
    path_ = candor::text("/proc/self/fd/", descriptor_);
  }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  ~memory_file() { ::close(descriptor_); }

  const std::filesystem::path& path() const { return path_; }
  void hold(const std::uint8_t* data, std::size_t size) {
    const bool written = ::ftruncate(descriptor_, 0) == 0 &&
                         ::pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size);
    promise(written, "the input fits into memory");
  }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

using candor_test::scratch_folder;

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

}  // namespace candor_fuzz
