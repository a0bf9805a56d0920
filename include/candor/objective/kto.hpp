// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Kahneman-Tversky optimisation (KTO, Ethayarajh et al. 2024, arXiv 2402.01306) on pairs: each answer's
/// value is taken against a point z, the policy's distance from the reference,
///   loss = (lambda_D (1 - sigmoid(beta (a - z))) + lambda_U (1 - sigmoid(beta (z - c)))) / 2,
///   z = max(0, mean over the step of log pi(y' | x) - log ref(y' | x)), gradient stopped,
/// with y' the chosen answer to another question or other pictures, which stands in no relation to x. TRL's
/// `kto` has for y' the answer of the batch's neighbour; here it is that of the next such record in the data,
/// so that it is the same in every epoch and its reference can be cached.

#include <candor/core/error.hpp>
#include <candor/objective/objective.hpp>

#include <algorithm>
#include <span>

namespace CANDOR_NS {

struct kto {
  static constexpr cell_place cells[] = {{0}, {1}, {2}};
  struct statistics {
    double z = 0;  ///< nats
  };

  double beta = 0.1;                ///< reward a nat of log-ratio
  double desirable_weight = 1.0;    ///< lambda_D
  double undesirable_weight = 1.0;  ///< lambda_U

  constexpr bool needs_mismatched() const { return true; }
  constexpr int smallest_batch() const { return 2; }

  /// usage_error for a single item, of which z would be no mean.
  void update(statistics& s, std::span<pair<double, 3>> items) const {
    require<usage_error>(items.size() > 1, "[kto] the mean log-ratio of a step's mismatched answers is over ",
                         items.size(), "; it needs at least 2: use a larger batch");
    double sum = 0;
    for (const auto& y : items) sum += y.cells[2].ratio();
    s.z = std::max(0.0, sum / static_cast<double>(items.size()));
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 3>& y, const statistics& s) const {
    return 0.5 * (desirable_weight * sigmoid(beta * (s.z - y.chosen)) +
                  undesirable_weight * sigmoid(beta * (y.rejected - s.z)));
  }
};

}  // namespace CANDOR_NS
