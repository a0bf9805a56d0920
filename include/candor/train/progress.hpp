// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Progress on stderr: a bar with rate, time left and a few metrics on a terminal, plain lines every so often
/// elsewhere (files, pipes, batch systems).

#include <candor/core/config.hpp>
#include <candor/train/metrics.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// What one progress line tells.
struct progress_state {
  std::string title = {};       ///< "train"
  std::string unit = "pairs";   ///< the rate is given in <unit>/s
  double units_per_step = 1.0;  ///< pairs in a step
  std::int64_t total = 0;       ///< steps of the whole run, 0 where unknown
  std::int64_t done = 0;        ///< steps so far, those before a resume included
  std::int64_t started_at =
      0;                 ///< steps that were done when this process began: they do not count for the rate
  double elapsed = 0.0;  ///< seconds of this process
  std::vector<metric> counts =
      {};                    ///< what this process has worked through: {"tokens", 12000} gives tokens/s
  double peak_memory = 0.0;  ///< bytes; 0: not shown
  std::vector<metric> metrics = {};  ///< as many as fit
};

/// "train  42% [########            ] 420/1000 01:23<01:55 5.05 pairs/s loss 0.4312", at most `columns` wide;
/// behind the metrics the rates of the counts and the memory, where there is room.
std::string progress_bar(const progress_state& state, int columns = 80);
/// "train: step 420/1000 (42 %), 01:23 gone, 01:55 left, 5.05 pairs/s, 4726 tokens/s, peak 1.25 GiB, loss
/// 0.4312"
std::string progress_line(const progress_state& state);

struct progress_options {
  std::string title = "train";
  std::string unit = "pairs";
  double units_per_step = 1.0;
  std::int64_t total = 0;    ///< steps
  std::int64_t done = 0;     ///< steps before this process (resumed run)
  double line_seconds = 10;  ///< between plain lines; up to six times as long in a run that takes hours
  int descriptor = 2;        ///< where to print; 2 is stderr
  bool quiet = false;        ///< prints nothing
  std::function<double()> peak_memory = {};  ///< bytes; empty: peak_resident_bytes
};

/// The largest resident size that this process had, bytes.
double peak_resident_bytes();

/// For progress_options: the memory that runs short, which is its own where a backend has some and counts it.
template <class B>
std::function<double()> peak_memory_of(const B& backend) {
  if constexpr (B::name != "host" && requires { backend.peak_bytes(); })
    return [&backend] { return static_cast<double>(backend.peak_bytes()); };
  return peak_resident_bytes;
}

/// Prints the progress of a loop. What cannot be printed is dropped: a closed stderr must not end a training.
class progress {
 public:
  explicit progress(progress_options options);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// To be called after each step, with the metrics that are worth showing (the last ones stay where none are
  /// given).
  void update(std::int64_t done, const std::vector<metric>& metrics = {});
  /// Adds to what was worked through: count("tokens", 5000) shows tokens/s.
  void count(std::string_view what, double amount);
  /// Prints a line of its own, above the bar.
  void message(std::string_view line);
  /// Prints the final state; later calls do nothing.
  void finish();

  bool on_terminal() const { return terminal_; }

 private:
  using clock = std::chrono::steady_clock;
  void draw();
  void print(std::string_view bytes) const;

  progress_options options_;
  progress_state state_;
  clock::time_point begin_, drawn_;
  bool terminal_ = false;
  bool any_drawn_ = false;
  bool finished_ = false;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/progress_impl.hpp>
#endif
