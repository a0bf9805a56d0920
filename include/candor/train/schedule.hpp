// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Learning rate schedules: the share of the peak rate that a step uses. The formulas are those of
/// transformers' optimization.py (get_cosine_schedule_with_warmup and its siblings), but after the last
/// planned step the final value stays, where transformers' cosine would rise again.

#include <candor/core/config.hpp>
#include <candor/core/error.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace CANDOR_NS {

enum class schedule_kind : std::uint8_t { cosine, linear, constant };

/// "cosine", "linear" or "constant"; usage_error for others.
inline schedule_kind schedule_kind_of(std::string_view name) {
  if (name == "cosine") return schedule_kind::cosine;
  if (name == "linear") return schedule_kind::linear;
  require<usage_error>(name == "constant", "the learning rate schedule is \"", name,
                       "\", expected cosine, linear or constant");
  return schedule_kind::constant;
}

struct schedule_options {
  schedule_kind kind = schedule_kind::cosine;
  double floor = 0.0;             ///< the final value as a share of the peak, in [0, 1]
  double warmup_ratio = 0.0;      ///< share of all steps, rounded up to a step, in [0, 1]; or
  std::int64_t warmup_steps = 0;  ///< a number of steps; one of the two at most
};

/// The schedule of a run with a known number of optimizer steps n and w warm-up steps. For the optimizer's
/// step s = 0, 1, ..., n - 1 the factor is
///     s < w      s / w                                 (so the first step of a warm-up has rate 0)
///     cosine     floor + (1 - floor) (1 + cos(pi p)) / 2
///     linear     floor + (1 - floor) (1 - p)
///     constant   1
/// with p = min(1, (s - w) / max(1, n - w)).
class schedule {
 public:
  schedule(schedule_options options, std::int64_t total_steps) : options_(options), total_(total_steps) {
    require<usage_error>(total_ >= 0, "the schedule has ", total_, " steps, expected 0 or more");
    require<usage_error>(options.floor >= 0.0 && options.floor <= 1.0, "the schedule's floor is ",
                         options.floor, ", expected a share of the peak rate, 0 to 1");
    require<usage_error>(options.warmup_ratio >= 0.0 && options.warmup_ratio <= 1.0, "the warm-up ratio is ",
                         options.warmup_ratio, ", expected a share of all steps, 0 to 1");
    require<usage_error>(options.warmup_steps >= 0, "the warm-up has ", options.warmup_steps,
                         " steps, expected 0 or more");
    require<usage_error>(options.warmup_steps == 0 || options.warmup_ratio == 0.0,
                         "both a warm-up ratio and warm-up steps are given; give one of them");
    warmup_ = options.warmup_steps;
    if (options.warmup_ratio > 0.0)
      warmup_ = static_cast<std::int64_t>(std::ceil(static_cast<double>(total_) * options.warmup_ratio));
  }

  /// The share of the peak learning rate at a step, counted from 0.
  double factor(std::int64_t step) const {
    if (step < warmup_) return static_cast<double>(step) / static_cast<double>(warmup_);
    if (options_.kind == schedule_kind::constant) return 1.0;
    const std::int64_t falling = total_ > warmup_ ? total_ - warmup_ : 1;
    const double p =
        step - warmup_ < falling ? static_cast<double>(step - warmup_) / static_cast<double>(falling) : 1.0;
    const double fall =
        options_.kind == schedule_kind::cosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * p)) : 1.0 - p;
    return fall * (1.0 - options_.floor) + options_.floor;
  }

  std::int64_t warmup_steps() const { return warmup_; }
  std::int64_t total_steps() const { return total_; }

 private:
  schedule_options options_;
  std::int64_t total_ = 0;
  std::int64_t warmup_ = 0;
};

}  // namespace CANDOR_NS
