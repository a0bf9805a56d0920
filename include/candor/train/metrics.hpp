// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Metrics: an ordered row of names and values, means over a logging window, and metrics.jsonl, one object a
/// line. Names are TRL's ("loss", "rewards/margins", ...); those of an evaluation carry the prefix "eval_".

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct metric {
  std::string name;
  double value = 0.0;
};

/// Names and values in the order in which they were first set.
class metrics_row {
 public:
  /// Sets a value, or changes the one of that name. usage_error for names with quotes, backslashes or control
  /// characters.
  void set(std::string_view name, double value);
  /// Sets all values of another row, with a prefix before their names.
  void set_all(const metrics_row& other, std::string_view prefix = "");
  std::optional<double> find(std::string_view name) const;
  const std::vector<metric>& entries() const { return entries_; }
  /// {"loss": 0.6931471805599453, "step": 10}: doubles with the fewest digits that give the same double back,
  /// values that are not finite as null.
  std::string json() const;

 private:
  std::vector<metric> entries_;
};

/// The sums of one metric in a window.
struct metric_sum {
  std::string name;
  double sum = 0.0;     ///< of value x weight
  double weight = 0.0;  ///< of weights
};

/// Means over the steps since the last log line. Its sums belong into a checkpoint, so that a resumed run
/// logs the same numbers.
class metrics_window {
 public:
  metrics_window() = default;
  explicit metrics_window(std::vector<metric_sum> restored);
  /// Adds one value; `weight` is the number of items that it is the mean of. Weights are 0 or more.
  void add(std::string_view name, double value, double weight = 1.0);
  /// The means, in the order in which the names came first; the window is empty afterwards. Names whose
  /// weights add up to 0 are left out.
  metrics_row take();
  const std::vector<metric_sum>& sums() const { return sums_; }

 private:
  std::vector<metric_sum> sums_;
};

/// Appends rows to a metrics.jsonl. Errors are io_error with the path.
class metrics_writer {
 public:
  /// Opens the file, makes it if need be, and cuts it to `offset` bytes: 0 for a new run, what the checkpoint
  /// says for a resumed one. input_error where the file is shorter or the offset is not the start of a line.
  explicit metrics_writer(std::filesystem::path path, std::uint64_t offset = 0);
  ~metrics_writer();
  metrics_writer(metrics_writer&& other) noexcept;
  metrics_writer& operator=(metrics_writer&& other) noexcept;

  /// Appends one line in one write; where that fails, what got through is cut off again.
  void write(const metrics_row& row);
  /// Makes what was written durable; to be called before a checkpoint stores the offset.
  void sync();
  /// Bytes of the file.
  std::uint64_t offset() const { return offset_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t offset_ = 0;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/metrics_impl.hpp>
#endif
