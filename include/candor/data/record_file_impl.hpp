// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of record_file.hpp, over POSIX calls.

#include <candor/core/error.hpp>
#include <candor/data/record_file.hpp>
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

CANDOR_INLINE bool is_blank_line(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace detail

CANDOR_INLINE record_file::record_file(std::filesystem::path path) : path_(std::move(path)) {
  // Not blocking, so that a named pipe is refused below instead of waited for.
  descriptor_ = detail::open_retrying(path_, O_RDONLY | O_NONBLOCK, 0);
  if (descriptor_ < 0) fail_io("open", path_, errno);
}

// The file is closed where this body throws, since the object is whole once the other constructor is through.
CANDOR_INLINE record_file::record_file(std::filesystem::path path,
                                       function_ref<void(std::string_view, const line_place&)> check,
                                       std::uint64_t max_line_bytes)
    : record_file(std::move(path)) {
  struct stat found {};
  if (::fstat(descriptor_, &found) != 0) fail_io("examine", path_, errno);
  if (S_ISDIR(found.st_mode)) fail_io("read", path_, EISDIR);
  require<input_error>(
      S_ISREG(found.st_mode), path_.string(),
      " is not a regular file; records are read more than once, so save them to a file first");

  std::string block(std::size_t{1} << 20, '\0'), line_text;
  std::uint64_t offset = 0, line_begin = 0;
  line_place place{1, 0};
  const auto grow = [&](std::string_view part) {
    require<input_error>(line_text.size() + part.size() <= max_line_bytes, source(place),
                         ": the line is longer than ", max_line_bytes,
                         " bytes; expected one JSON object a line, with images in files of their own");
    line_text += part;
  };
  const auto end_line = [&](std::uint64_t next_begin) {
    if (!detail::is_blank_line(line_text)) {
      check(line_text, place);
      lines_.push_back({line_begin, line_text.size(), place.number});
      ++place.index;
    }
    ++place.number;
    line_text.clear();
    line_begin = next_begin;
  };
  while (const std::size_t got = detail::read_at(descriptor_, block.data(), block.size(), offset, path_)) {
    const std::string_view bytes(block.data(), got);
    for (std::size_t at = 0; at < got;) {
      const std::size_t newline = bytes.find('\n', at);
      grow(bytes.substr(at, newline == std::string_view::npos ? newline : newline - at));
      if (newline == std::string_view::npos) break;
      at = newline + 1;
      end_line(offset + at);
    }
    offset += got;
  }
  if (!line_text.empty()) end_line(offset);
  require<input_error>(!lines_.empty(), path_.string(), ": no records; expected one JSON object a line");
}

CANDOR_INLINE record_file::~record_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE record_file::record_file(record_file&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      lines_(std::move(other.lines_)) {}

CANDOR_INLINE record_file& record_file::operator=(record_file&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(lines_, other.lines_);
  return *this;
}

CANDOR_INLINE line_place record_file::place(std::int64_t index) const {
  require<usage_error>(index >= 0 && index < size(), path_.string(), " has ", size(), " records; record ",
                       index, " was asked for (they count from 0)");
  return {lines_[static_cast<std::size_t>(index)].number, index};
}

CANDOR_INLINE std::string record_file::source(const line_place& place) const {
  return text(path_.string(), ":", place.number);
}

CANDOR_INLINE std::string record_file::read(std::int64_t index) const {
  const line_place where = place(index);
  const line& l = lines_[static_cast<std::size_t>(index)];
  std::string bytes(static_cast<std::size_t>(l.bytes), '\0');
  const std::size_t got = detail::read_at(descriptor_, bytes.data(), bytes.size(), l.offset, path_);
  require<input_error>(got == bytes.size(), source(where), ": the file became shorter since it was opened; ",
                       "leave it alone while it is in use, and start again");
  return bytes;
}

}  // namespace CANDOR_NS
