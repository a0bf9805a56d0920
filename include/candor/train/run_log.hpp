// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where a run tells what it does: metrics.jsonl, TensorBoard's events, and progress on stderr.

#include <candor/io/event_file.hpp>
#include <candor/train/metrics.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/run_folder.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace CANDOR_NS {

struct run_log_options {
  std::int64_t done = 0;             ///< steps before this process
  std::uint64_t metrics_offset = 0;  ///< bytes of metrics.jsonl that stand, as the checkpoint says
  bool tensorboard = true;           ///< write event files
  progress_options shown = {};
};

class run_log {
 public:
  run_log(const run_folder& folder, const run_log_options& options);

  /// A row of metrics after a step. All of it goes into the files, the most telling ones beside the bar.
  void write(const metrics_row& row, std::int64_t step);
  /// A text for TensorBoard, in Markdown.
  void write_text(std::string_view tag, std::string_view markdown);
  /// Makes all of it durable; to be called before a checkpoint stores the offset.
  void sync();
  /// Bytes of metrics.jsonl.
  std::uint64_t metrics_offset() const { return metrics_.offset(); }
  progress& shown() { return shown_; }

 private:
  metrics_writer metrics_;
  std::optional<event_file> events_;
  progress shown_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/run_log_impl.hpp>
#endif
