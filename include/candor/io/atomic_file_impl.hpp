// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of atomic_file.hpp, over POSIX calls: each return value is checked.

#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// A descriptor that closes itself; for reading, where a failing close loses nothing.
struct owned_descriptor {
  int number = -1;
  explicit owned_descriptor(int n) : number(n) {}
  owned_descriptor(const owned_descriptor&) = delete;
  owned_descriptor& operator=(const owned_descriptor&) = delete;
  ~owned_descriptor() {
    if (number >= 0) ::close(number);
  }
};

CANDOR_INLINE int open_retrying(const std::filesystem::path& path, int flags, unsigned mode) {
  for (;;) {
    const int number = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
    if (number >= 0 || errno != EINTR) return number;
  }
}

CANDOR_INLINE void write_fully(int descriptor, const char* data, std::size_t size,
                               const std::filesystem::path& path) {
  constexpr std::size_t largest_call = std::size_t{1} << 30;  // Linux takes at most 2 GiB in one call
  while (size > 0) {
    const ssize_t written = ::write(descriptor, data, std::min(size, largest_call));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_io("write", path, errno);
    if (written == 0) fail_io("write", path, ENOSPC);
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

CANDOR_INLINE void sync_descriptor(int descriptor, const std::filesystem::path& path) {
  while (::fsync(descriptor) != 0)
    if (errno != EINTR) fail_io("sync", path, errno);
}

CANDOR_INLINE std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace detail

CANDOR_INLINE atomic_file::atomic_file(std::filesystem::path path) : path_(std::move(path)) {
  require<usage_error>(path_.has_filename(), "\"", path_.string(), "\" does not name a file");
  struct stat found {};
  const bool exists = ::stat(path_.c_str(), &found) == 0;
  if (exists && S_ISDIR(found.st_mode)) fail_io("write", path_, EISDIR);
  // A file of the same name can only be left from a dead process that had our number: the next name is tried.
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    temporary_ =
        detail::folder_of(path_) / text(".", path_.filename().string(), ".tmp.", ::getpid(), ".", attempt);
    descriptor_ = detail::open_retrying(temporary_, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (descriptor_ < 0 && (errno != EEXIST || attempt == 9999)) fail_io("create", temporary_, errno);
  }
  if (exists && S_ISREG(found.st_mode) && ::fchmod(descriptor_, found.st_mode & 07777) != 0) {
    const int code = errno;
    discard();
    fail_io("set the permissions of", temporary_, code);
  }
}

CANDOR_INLINE atomic_file::~atomic_file() { discard(); }

CANDOR_INLINE atomic_file::atomic_file(atomic_file&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_written_(other.bytes_written_) {}

CANDOR_INLINE atomic_file& atomic_file::operator=(atomic_file&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  temporary_ = std::move(other.temporary_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  bytes_written_ = other.bytes_written_;
  return *this;
}

CANDOR_INLINE void atomic_file::discard() noexcept {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
}

CANDOR_INLINE void atomic_file::write(std::string_view bytes) {
  require<usage_error>(descriptor_ >= 0, path_.string(),
                       " is already committed; open a new atomic_file to replace it");
  fault_point("file.write");
  detail::write_fully(descriptor_, bytes.data(), bytes.size(), path_);
  bytes_written_ += bytes.size();
}

CANDOR_INLINE void atomic_file::write(std::span<const std::byte> bytes) {
  write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

CANDOR_INLINE void atomic_file::commit() {
  require<usage_error>(descriptor_ >= 0, path_.string(), " is already committed");
  fault_point("file.before_fsync");
  detail::sync_descriptor(descriptor_, path_);
  fault_point("file.after_fsync");
  fault_point("file.before_rename");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_io("rename the finished file to", path_, errno);
  const int number = std::exchange(descriptor_, -1);  // renamed: nothing is left for the destructor to remove
  // Linux closes the descriptor even where close reports EINTR; the data was synced above.
  if (::close(number) != 0 && errno != EINTR) fail_io("close", path_, errno);
  fault_point("file.after_rename");
  sync_folder(detail::folder_of(path_));
}

CANDOR_INLINE void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  atomic_file file(path);
  file.write(bytes);
  file.commit();
}

CANDOR_INLINE std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  // Not blocking, so that a named pipe is refused below instead of waited for.
  const detail::owned_descriptor file(detail::open_retrying(path, O_RDONLY | O_NONBLOCK, 0));
  if (file.number < 0) fail_io("open", path, errno);
  struct stat found {};
  if (::fstat(file.number, &found) != 0) fail_io("examine", path, errno);
  if (S_ISDIR(found.st_mode)) fail_io("read", path, EISDIR);
  require<input_error>(S_ISREG(found.st_mode), path.string(), " is not a regular file");
  const auto size = static_cast<std::uint64_t>(found.st_size);
  require<input_error>(size <= max_bytes, path.string(), " holds ", size, " bytes, at most ", max_bytes,
                       " are expected here; check that it is the right file");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.number, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path, errno);
    require<input_error>(got > 0, path.string(), " ended after ", done, " of ", size,
                         " bytes: something shortened it while it was read");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

CANDOR_INLINE void sync_folder(const std::filesystem::path& folder) {
  const detail::owned_descriptor opened(detail::open_retrying(folder, O_RDONLY | O_DIRECTORY, 0));
  if (opened.number < 0) fail_io("open the folder", folder, errno);
  // Some network file systems cannot sync folders and say so with EINVAL.
  while (::fsync(opened.number) != 0) {
    if (errno == EINVAL) return;
    if (errno != EINTR) fail_io("sync the folder", folder, errno);
  }
}

}  // namespace CANDOR_NS
