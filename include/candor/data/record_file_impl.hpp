// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of record_file.hpp, over POSIX calls.

#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>
#include <candor/data/record_index_impl.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Bytes that were read at an offset, fewer only at the end of the file.
CANDOR_INLINE std::size_t read_at(int descriptor, char* to, std::size_t size, std::uint64_t offset,
                                  const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(descriptor, to + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace detail

CANDOR_INLINE record_file::record_file(std::filesystem::path path, opened) : path_(std::move(path)) {
  // Not blocking, so that a named pipe is refused below instead of waited for.
  descriptor_ = detail::open_retrying(path_, O_RDONLY | O_NONBLOCK, 0);
  if (descriptor_ < 0) fail_io("open", path_, errno);
}

// The file is closed where this body throws, since the object is whole once the other constructor is through.
CANDOR_INLINE record_file::record_file(std::filesystem::path path, std::uint64_t max_record_bytes)
    : record_file(std::move(path), opened{}) {
  struct stat found {};
  if (::fstat(descriptor_, &found) != 0) fail_io("examine", path_, errno);
  if (S_ISDIR(found.st_mode)) fail_io("read", path_, EISDIR);
  require<input_error>(
      S_ISREG(found.st_mode), path_.string(),
      " is not a regular file; records are read more than once, so save them to a file first");

  for_blocks([&](std::string_view block) {
    const auto first = block.find_first_not_of(" \t\r\n");
    list_ = first != std::string_view::npos && block[first] == '[';
    return first == std::string_view::npos;
  });
  const auto index = [&](auto finder) {
    for_blocks([&](std::string_view block) {
      finder.add(block);
      return true;
    });
    finder.finish();
    records_ = finder.take();
  };
  list_ ? index(detail::list_index(path_, max_record_bytes))
        : index(detail::line_index(path_, max_record_bytes));
  require<input_error>(!records_.empty(), path_.string(),
                       ": no records; expected one JSON object a line, or a JSON list of objects");
}

/// Hands the file's bytes on until `use` says false.
CANDOR_INLINE void record_file::for_blocks(function_ref<bool(std::string_view)> use) const {
  std::string block(std::size_t{1} << 20, '\0');
  for (std::uint64_t offset = 0;;) {
    const std::size_t got = detail::read_at(descriptor_, block.data(), block.size(), offset, path_);
    if (got == 0 || !use(std::string_view(block.data(), got))) return;
    offset += got;
  }
}

CANDOR_INLINE record_file::~record_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE record_file::record_file(record_file&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      list_(other.list_),
      records_(std::move(other.records_)) {}

CANDOR_INLINE record_file& record_file::operator=(record_file&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(list_, other.list_);
  std::swap(records_, other.records_);
  return *this;
}

CANDOR_INLINE record_range record_file::range(std::int64_t index) const {
  require<usage_error>(index >= 0 && index < size(), path_.string(), " has ", size(), " records; record ",
                       index, " was asked for (they count from 0)");
  return records_[static_cast<std::size_t>(index)];
}

CANDOR_INLINE std::string record_file::source(std::int64_t index) const {
  const std::string line = text(path_.string(), ":", range(index).line);
  return list_ ? text(line, ": [", index, "]") : line;
}

CANDOR_INLINE std::string record_file::read(std::int64_t index) const {
  const record_range where = range(index);
  std::string bytes(static_cast<std::size_t>(where.bytes), '\0');
  const std::size_t got = detail::read_at(descriptor_, bytes.data(), bytes.size(), where.offset, path_);
  require<input_error>(got == bytes.size(), source(index), ": the file became shorter since it was opened; ",
                       "leave it alone while it is in use, and start again");
  return bytes;
}

}  // namespace CANDOR_NS
