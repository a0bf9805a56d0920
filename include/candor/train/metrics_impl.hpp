// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of metrics.hpp.

#include <candor/core/error.hpp>
#include <candor/core/fault.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/os_error.hpp>
#include <candor/train/metrics.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <utility>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE void check_metric_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  require<usage_error>(
      !name.empty() && plain && name.find_first_of("\"\\") == std::string_view::npos, "\"", name,
      "\" cannot be the name of a metric: use printable ASCII without quotes and backslashes");
}

}  // namespace detail

CANDOR_INLINE void metrics_row::set(std::string_view name, double value) {
  for (metric& entry : entries_)
    if (entry.name == name) {
      entry.value = value;
      return;
    }
  detail::check_metric_name(name);
  entries_.push_back({std::string(name), value});
}

CANDOR_INLINE void metrics_row::set_all(const metrics_row& other, std::string_view prefix) {
  for (const metric& entry : other.entries()) set(text(prefix, entry.name), entry.value);
}

CANDOR_INLINE std::optional<double> metrics_row::find(std::string_view name) const {
  for (const metric& entry : entries_)
    if (entry.name == name) return entry.value;
  return std::nullopt;
}

CANDOR_INLINE std::string metrics_row::json() const {
  std::string out = "{";
  for (const metric& entry : entries_) {
    if (out.size() > 1) out += ", ";
    out += text('"', entry.name, "\": ");
    if (!std::isfinite(entry.value)) {
      out += "null";
      continue;
    }
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), entry.value);
    out.append(buffer.data(), end.ptr);
  }
  return out + "}";
}

CANDOR_INLINE metrics_window::metrics_window(std::vector<metric_sum> restored) : sums_(std::move(restored)) {
  for (const metric_sum& s : sums_) detail::check_metric_name(s.name);
}

CANDOR_INLINE void metrics_window::add(std::string_view name, double value, double weight) {
  require<usage_error>(weight >= 0.0, "metric ", name, " has weight ", weight, ", expected 0 or more");
  auto known = std::find_if(sums_.begin(), sums_.end(), [&](const metric_sum& s) { return s.name == name; });
  if (known == sums_.end()) {
    detail::check_metric_name(name);
    known = sums_.insert(sums_.end(), {std::string(name), 0.0, 0.0});
  }
  if (weight == 0.0) return;  // a mean of no items is NaN and says nothing
  known->sum += value * weight;
  known->weight += weight;
}

CANDOR_INLINE metrics_row metrics_window::take() {
  metrics_row means;
  for (const metric_sum& s : sums_)
    if (s.weight > 0.0) means.set(s.name, s.sum / s.weight);
  sums_.clear();
  return means;
}

CANDOR_INLINE metrics_writer::metrics_writer(std::filesystem::path path, std::uint64_t offset)
    : path_(std::move(path)), offset_(offset) {
  const int opened = detail::open_retrying(path_, O_RDWR | O_CREAT | O_APPEND, 0666);
  if (opened < 0) fail_io("open", path_, errno);
  descriptor_ = opened;
  try {
    struct stat found {};
    if (::fstat(descriptor_, &found) != 0) fail_io("examine", path_, errno);
    require<input_error>(static_cast<std::uint64_t>(found.st_size) >= offset, path_.string(), " holds ",
                         found.st_size, " bytes, the checkpoint expects ", offset,
                         "; resume in the folder of the run, or start a new run in another one");
    char last = '\n';
    if (offset > 0 && ::pread(descriptor_, &last, 1, static_cast<off_t>(offset - 1)) != 1)
      fail_io("read", path_, errno);
    require<input_error>(last == '\n', path_.string(), ": the checkpoint's offset ", offset,
                         " is not the start of a line; the file is not the one of this run");
    if (::ftruncate(descriptor_, static_cast<off_t>(offset)) != 0) fail_io("shorten", path_, errno);
  } catch (...) {
    ::close(std::exchange(descriptor_, -1));
    throw;
  }
}

CANDOR_INLINE metrics_writer::~metrics_writer() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE metrics_writer::metrics_writer(metrics_writer&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      offset_(other.offset_) {}

CANDOR_INLINE metrics_writer& metrics_writer::operator=(metrics_writer&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(offset_, other.offset_);
  return *this;
}

CANDOR_INLINE void metrics_writer::write(const metrics_row& row) {
  const std::string line = row.json() + "\n";
  fault_point("metrics.write");
  try {
    detail::write_fully(descriptor_, line.data(), line.size(), path_);
  } catch (...) {
    // Half a line would make the file unreadable; where this fails too, the error that is under way tells
    // enough.
    if (::ftruncate(descriptor_, static_cast<off_t>(offset_)) != 0) throw;
    throw;
  }
  offset_ += line.size();
}

CANDOR_INLINE void metrics_writer::sync() { detail::sync_descriptor(descriptor_, path_); }

}  // namespace CANDOR_NS
