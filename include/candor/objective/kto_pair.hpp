// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Kahneman-Tversky optimisation (KTO, Ethayarajh et al. 2024, arXiv 2402.01306) on pairs: each answer's
/// value is taken against a point z that is the policy's distance from the reference, gradient stopped,
///   loss = (lambda_D (1 - sigmoid(beta (a - z_l))) + lambda_U (1 - sigmoid(beta (z_w - c)))) / 2.
/// z_w and z_l are the mean log-ratios of the step's chosen and rejected answers, at least 0. (The paper's z
/// is of answers to other prompts; this is the estimate of TRL's former `kto_pair`, for which no other
/// answers are scored.)

#include <candor/core/error.hpp>
#include <candor/objective/objective.hpp>

#include <algorithm>
#include <span>

namespace CANDOR_NS {

struct kto_pair {
  struct statistics {
    double chosen = 0, rejected = 0;  ///< z_w and z_l, nats
  };

  double beta = 0.1;                ///< reward a nat of log-ratio
  double desirable_weight = 1.0;    ///< lambda_D
  double undesirable_weight = 1.0;  ///< lambda_U

  constexpr int smallest_batch() const { return 2; }

  /// usage_error for a single item: z would be the answer's own log-ratio.
  void update(statistics& s, std::span<pair<double>> items) const {
    require<usage_error>(items.size() > 1, "[kto_pair] the mean log-ratio of a step is over ", items.size(),
                         " pair; it needs at least 2: use a larger batch");
    s = {};
    for (const auto& y : items) s.chosen += y.chosen, s.rejected += y.rejected;
    s.chosen = std::max(0.0, s.chosen / static_cast<double>(items.size()));
    s.rejected = std::max(0.0, s.rejected / static_cast<double>(items.size()));
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y, const statistics& s) const {
    return 0.5 * (desirable_weight * sigmoid(beta * (s.rejected - y.chosen)) +
                  undesirable_weight * sigmoid(beta * (y.rejected - s.chosen)));
  }
};

}  // namespace CANDOR_NS
