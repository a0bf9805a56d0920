// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// TensorBoard's event files: tfrecords with masked CRC-32C around protobuf messages of type Event, written
/// without either library. Read with `tensorboard --logdir FOLDER`.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// Appends events to a new file `events.out.tfevents.<time>.<host>.<process>` of a run folder, which is made
/// with the first event. Each event is one write, so a TensorBoard that looks on sees it at once. Errors are
/// io_error with the path.
class event_file {
 public:
  struct scalar {
    std::string_view tag;  ///< "rewards/margins"
    double value;          ///< stored as float
  };

  /// `first_step` is the first one that will be written. Where the folder has event files of earlier
  /// processes already, TensorBoard is told to drop what they hold from that step on, so that a run which was
  /// stopped and resumed has each point once.
  explicit event_file(std::filesystem::path folder, std::int64_t first_step = 0);
  ~event_file();
  event_file(const event_file&) = delete;
  event_file& operator=(const event_file&) = delete;

  void add_scalars(std::int64_t step, std::span<const scalar> values);
  /// A text in Markdown, for the dashboard of that name.
  void add_text(std::int64_t step, std::string_view tag, std::string_view markdown);
  /// Makes what was written durable.
  void sync();

 private:
  void open();
  void append(const std::string& event);

  std::filesystem::path folder_, path_;
  std::int64_t first_step_;
  int descriptor_ = -1;
};

namespace detail {

/// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78: 0xe3069283 for "123456789".
std::uint32_t crc32c(std::string_view bytes);
/// A record of a tfrecord file: length (8 bytes), its masked CRC, the bytes, their masked CRC; little-endian.
std::string tfrecord(std::string_view bytes);
/// Messages of type Event; `wall_time` in seconds since 1970.
std::string version_event(double wall_time);
std::string restart_event(double wall_time, std::int64_t step);
std::string scalar_event(double wall_time, std::int64_t step, std::span<const event_file::scalar> values);
std::string text_event(double wall_time, std::int64_t step, std::string_view tag, std::string_view markdown);

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/event_file_impl.hpp>
#endif
