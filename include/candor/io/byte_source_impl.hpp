// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of byte_source.hpp, over POSIX calls.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/byte_source.hpp>
#include <candor/io/os_error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE byte_source::byte_source(std::filesystem::path path) : path_(std::move(path)) {
  // Not blocking, so that a named pipe is refused and not waited for.
  descriptor_ = detail::open_retrying(path_, O_RDONLY | O_NONBLOCK, 0);
  if (descriptor_ < 0) fail_io("open", path_, errno);
  struct stat found {};
  const bool known = ::fstat(descriptor_, &found) == 0;
  const int code = errno;
  if (known && S_ISREG(found.st_mode)) {
    size_ = static_cast<std::uint64_t>(found.st_size);
    return;
  }
  ::close(descriptor_);
  if (!known) fail_io("examine", path_, code);
  fail<input_error>(path_.string(), ": not a regular file");
}

CANDOR_INLINE byte_source::byte_source(std::span<const std::byte> bytes, std::filesystem::path name)
    : path_(std::move(name)), memory_(bytes), size_(bytes.size()) {}

CANDOR_INLINE byte_source::~byte_source() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE byte_source::byte_source(byte_source&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      memory_(std::exchange(other.memory_, {})),
      size_(std::exchange(other.size_, 0)) {}

CANDOR_INLINE byte_source& byte_source::operator=(byte_source&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  return *this;
}

CANDOR_INLINE void byte_source::read(std::uint64_t offset, std::span<std::byte> out) const {
  require<input_error>(offset <= size_ && out.size() <= size_ - offset, path_.string(), ": byte ", offset,
                       " and ", out.size(), " more were asked for, the file has ", size_);
  if (descriptor_ < 0) {
    if (!out.empty()) std::memcpy(out.data(), memory_.data() + offset, out.size());
    return;
  }
  constexpr std::size_t largest_call = std::size_t{1} << 30;
  for (std::size_t done = 0; done < out.size();) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, std::min(out.size() - done, largest_call),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path_, errno);
    require<input_error>(got > 0, path_.string(), ": the file ends at byte ", offset + done,
                         ": something shortened it while it was read");
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace CANDOR_NS
