// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A file of lines that takes long to make: it grows beside its final name, survives a kill with the lines
/// that were whole, and appears under its name when all are there.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace CANDOR_NS {

///     line_log log("candidates.jsonl", 80);     // lines come in batches of 80
///     for (auto i = log.lines() / 80; i < batches; ++i) log.append(lines_of(i));
///     log.commit();
///
/// Every refusal of the operating system is an io_error with the path.
class line_log {
 public:
  /// Opens "<path>.part" for more lines, or makes it. What is behind the last whole batch of lines is cut
  /// off.
  explicit line_log(std::filesystem::path path, std::int64_t lines_of_batch = 1);
  ~line_log();
  line_log(const line_log&) = delete;
  line_log& operator=(const line_log&) = delete;

  /// Lines that are there, a multiple of the batch.
  std::int64_t lines() const { return lines_; }
  /// Adds a batch of whole lines and syncs the file: they are there after a power cut.
  void append(std::string_view lines);
  /// Renames the file to its name. To be called once, after the last batch.
  void commit();

  /// Where the lines are until then.
  static std::filesystem::path partial(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::int64_t lines_ = 0;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/line_log_impl.hpp>
#endif
