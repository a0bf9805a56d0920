// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of event_file.hpp. Field numbers are those of TensorFlow's event.proto, summary.proto,
/// tensor.proto.

#include <candor/core/bits.hpp>
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/event_file.hpp>
#include <candor/io/os_error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view event_file_prefix = "events.out.tfevents.";

CANDOR_INLINE std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t r = i;
      for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1) != 0 ? 0x82f63b78u : 0u);
      t[i] = r;
    }
    return t;
  }();
  std::uint32_t r = 0xffffffffu;
  for (const char c : bytes) r = (r >> 8) ^ table[(r ^ static_cast<unsigned char>(c)) & 0xff];
  return ~r;
}

template <class Value>
void append_little_endian(std::string& out, Value value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

CANDOR_INLINE std::string tfrecord(std::string_view bytes) {
  const auto masked = [](std::string_view part) {  // a CRC of bytes that hold CRCs would be weak
    const std::uint32_t crc = crc32c(part);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  };
  std::string out;
  append_little_endian(out, static_cast<std::uint64_t>(bytes.size()));
  append_little_endian(out, masked(out));
  out += bytes;
  append_little_endian(out, masked(bytes));
  return out;
}

/// A protobuf message under construction; fields must come in the order of their numbers.
class wire_message {
 public:
  wire_message& number(int field, std::uint64_t value) {
    if (value == 0) return *this;  // proto3 leaves the default out
    key(field, 0);
    varint(value);
    return *this;
  }
  wire_message& float64(int field, double value) {
    key(field, 1);
    append_little_endian(bytes_, bit_cast<std::uint64_t>(value));
    return *this;
  }
  wire_message& float32(int field, float value) {
    key(field, 5);
    append_little_endian(bytes_, bit_cast<std::uint32_t>(value));
    return *this;
  }
  wire_message& bytes(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  void key(int field, unsigned wire_type) { varint(static_cast<unsigned>(field) << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

CANDOR_INLINE wire_message event_at(double wall_time, std::int64_t step) {
  wire_message event;
  event.float64(1, wall_time).number(2, static_cast<std::uint64_t>(step));
  return event;
}

CANDOR_INLINE std::string version_event(double wall_time) {
  return event_at(wall_time, 0).bytes(3, "brain.Event:2").str();
}

CANDOR_INLINE std::string restart_event(double wall_time, std::int64_t step) {
  constexpr std::uint64_t start = 1;
  return event_at(wall_time, step).bytes(7, wire_message().number(1, start).str()).str();
}

CANDOR_INLINE std::string scalar_event(double wall_time, std::int64_t step,
                                       std::span<const event_file::scalar> values) {
  wire_message summary;
  for (const auto& v : values)
    summary.bytes(1, wire_message().bytes(1, v.tag).float32(2, static_cast<float>(v.value)).str());
  return event_at(wall_time, step).bytes(5, summary.str()).str();
}

CANDOR_INLINE std::string text_event(double wall_time, std::int64_t step, std::string_view tag,
                                     std::string_view markdown) {
  constexpr std::uint64_t string_type = 7, tensor_class = 2;
  const auto extents = wire_message().bytes(2, wire_message().number(1, 1).str());
  const auto tensor = wire_message().number(1, string_type).bytes(2, extents.str()).bytes(8, markdown);
  const auto plugin = wire_message().bytes(1, "text");
  const auto metadata = wire_message().bytes(1, plugin.str()).number(4, tensor_class);
  const auto value = wire_message().bytes(1, tag).bytes(8, tensor.str()).bytes(9, metadata.str());
  return event_at(wall_time, step).bytes(5, wire_message().bytes(1, value.str()).str()).str();
}

CANDOR_INLINE double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The second in the name of the newest event file of a folder, or 0 where it has none.
CANDOR_INLINE std::int64_t newest_event_file(const std::filesystem::path& folder) {
  std::int64_t newest = 0;
  std::error_code problem;
  auto entry = std::filesystem::directory_iterator(folder, problem);
  for (; !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(event_file_prefix)) continue;
    std::int64_t second = 0;
    std::from_chars(name.data() + event_file_prefix.size(), name.data() + name.size(), second);
    newest = std::max(newest, second);
  }
  if (problem) fail_io("list", folder, problem.value());
  return newest;
}

}  // namespace detail

CANDOR_INLINE event_file::event_file(std::filesystem::path folder, std::int64_t first_step)
    : folder_(std::move(folder)), first_step_(first_step) {}

CANDOR_INLINE event_file::~event_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

CANDOR_INLINE void event_file::open() {
  const double now = detail::seconds_since_1970();
  const std::int64_t earlier = detail::newest_event_file(folder_);
  // TensorBoard reads the files of a folder in the order of their names: ours must be the last.
  const std::int64_t second = std::max(static_cast<std::int64_t>(now), earlier + 1);
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) std::strcpy(host.data(), "localhost");
  path_ = folder_ / text(detail::event_file_prefix, second, ".", host.data(), ".", ::getpid());
  descriptor_ = detail::open_retrying(path_, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (descriptor_ < 0) fail_io("create", path_, errno);
  append(detail::version_event(now));
  if (earlier > 0) append(detail::restart_event(now, first_step_));
}

CANDOR_INLINE void event_file::append(const std::string& event) {
  if (descriptor_ < 0) open();
  const std::string record = detail::tfrecord(event);
  detail::write_fully(descriptor_, record.data(), record.size(), path_);
}

CANDOR_INLINE void event_file::add_scalars(std::int64_t step, std::span<const scalar> values) {
  if (!values.empty()) append(detail::scalar_event(detail::seconds_since_1970(), step, values));
}

CANDOR_INLINE void event_file::add_text(std::int64_t step, std::string_view tag, std::string_view markdown) {
  append(detail::text_event(detail::seconds_since_1970(), step, tag, markdown));
}

CANDOR_INLINE void event_file::sync() {
  if (descriptor_ >= 0) detail::sync_descriptor(descriptor_, path_);
}

}  // namespace CANDOR_NS
