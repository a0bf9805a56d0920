// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Exact optimisation for a pair (EXO, Ji et al. 2024, arXiv 2402.00856, equation 16; TRL's `exo_pair`): the
/// KL of the policy's choice q = sigmoid(z), z = beta (s(a) - s(c)), to the label's, which is wrong with a
/// share e,
///   loss = q (log q - log(1 - e)) + (1 - q) (log(1 - q) - log e).

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct exo_pair {
  double beta = 0.1;              ///< reward a nat of log-ratio
  double label_smoothing = 1e-3;  ///< e, in (0, 0.5): at 0 the loss is infinite
  divergence score = {};          ///< s

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S z = beta * (score(y.chosen) - score(y.rejected));
    return sigmoid(z) * (log_sigmoid(z) - math::log1p(-label_smoothing)) +
           sigmoid(-z) * (log_sigmoid(-z) - math::log(label_smoothing));
  }
};

}  // namespace CANDOR_NS
