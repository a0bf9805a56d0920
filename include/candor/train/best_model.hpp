// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which of a run's evaluations was the best, by transformers' rules for metric_for_best_model.

#include <candor/core/error.hpp>
#include <candor/train/metrics.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace CANDOR_NS {

/// What a checkpoint keeps of a best_model.
struct best_model_state {
  std::int64_t step = 0;  ///< 0: none yet
  double value = 0.0;     ///< of the metric, at that step
};

class best_model {
 public:
  /// `metric` with or without "eval_". `greater` says that larger values are better; not given, they are
  /// unless the name ends in "loss".
  explicit best_model(const std::string& metric = "loss", std::optional<bool> greater = {},
                      best_model_state restored = {})
      : metric_(metric.starts_with("eval_") ? metric : "eval_" + metric),
        greater_(greater.value_or(!metric_.ends_with("loss"))),
        state_(restored) {}

  const std::string& metric() const { return metric_; }
  bool greater_is_better() const { return greater_; }
  const best_model_state& state() const { return state_; }

  /// True where the evaluation after `step` is better than all before. usage_error where it lacks the metric.
  bool offer(const metrics_row& evaluation, std::int64_t step) {
    const auto value = evaluation.find(metric_);
    require<usage_error>(value.has_value(), "--metric-for-best-model ", metric_,
                         " is not measured by an evaluation; there are ", names_of(evaluation));
    if (!std::isfinite(*value)) return false;
    if (state_.step > 0 && !(greater_ ? *value > state_.value : *value < state_.value)) return false;
    state_ = {step, *value};
    return true;
  }

 private:
  static std::string names_of(const metrics_row& row) {
    std::string names;
    for (const auto& entry : row.entries()) names += (names.empty() ? "" : ", ") + entry.name;
    return names;
  }

  std::string metric_;
  bool greater_;
  best_model_state state_;
};

}  // namespace CANDOR_NS
