// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of io/line_log.hpp.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/line_log.hpp>
#include <candor/io/os_error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <utility>

namespace CANDOR_NS {
namespace detail {

struct line_count {
  std::int64_t lines = 0;
  std::uint64_t bytes = 0;  ///< up to the end of the last of them
};

/// The lines of whole batches in an open file.
CANDOR_INLINE line_count count_lines(int descriptor, std::int64_t batch, const std::filesystem::path& path) {
  line_count whole;
  std::array<char, 65536> buffer;
  std::int64_t lines = 0;
  std::uint64_t bytes = 0;
  for (;;) {
    const ssize_t got = ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path, errno);
    if (got == 0) return whole;
    for (ssize_t i = 0; i < got; ++i) {
      ++bytes;
      if (buffer[static_cast<std::size_t>(i)] == '\n' && ++lines % batch == 0) whole = {lines, bytes};
    }
  }
}

}  // namespace detail

CANDOR_INLINE std::filesystem::path line_log::partial(const std::filesystem::path& path) {
  return path.parent_path() / (path.filename().string() + ".part");
}

CANDOR_INLINE line_log::line_log(std::filesystem::path path, std::int64_t lines_of_batch)
    : path_(std::move(path)) {
  require<usage_error>(lines_of_batch > 0, "[line_log] a batch of ", lines_of_batch,
                       " lines; expected at least one");
  const auto part = partial(path_);
  descriptor_ = detail::open_retrying(part, O_RDWR | O_CREAT, 0666);
  if (descriptor_ < 0) fail_io("open", part, errno);
  try {
    const auto whole = detail::count_lines(descriptor_, lines_of_batch, part);
    if (::ftruncate(descriptor_, static_cast<off_t>(whole.bytes)) != 0) fail_io("shorten", part, errno);
    if (::lseek(descriptor_, static_cast<off_t>(whole.bytes), SEEK_SET) < 0) fail_io("seek in", part, errno);
    lines_ = whole.lines;
  } catch (...) {
    ::close(std::exchange(descriptor_, -1));
    throw;
  }
}

CANDOR_INLINE line_log::~line_log() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE void line_log::append(std::string_view lines) {
  require<usage_error>(lines.empty() || lines.back() == '\n', "[line_log] the last line for ", path_.string(),
                       " has no end");
  detail::write_fully(descriptor_, lines.data(), lines.size(), partial(path_));
  detail::sync_descriptor(descriptor_, partial(path_));
  lines_ += std::count(lines.begin(), lines.end(), '\n');
}

CANDOR_INLINE void line_log::commit() {
  detail::sync_descriptor(descriptor_, partial(path_));
  if (::rename(partial(path_).c_str(), path_.c_str()) != 0) fail_io("rename", partial(path_), errno);
  sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

}  // namespace CANDOR_NS
