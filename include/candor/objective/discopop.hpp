// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The loss that a language model found (DiscoPOP, Lu et al. 2024, arXiv 2406.08414, equation 5; TRL's
/// `discopop`), between the logistic and the exponential one:
///   loss = (1 - m) (-log sigmoid(z)) + m e^-z,  m = sigmoid(z / tau),  z = beta (s(a) - s(c)).

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct discopop {
  double beta = 0.1;      ///< reward a nat of log-ratio
  double tau = 0.05;      ///< how suddenly one loss becomes the other, nats times beta
  divergence score = {};  ///< s

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S z = beta * (score(y.chosen) - score(y.rejected));
    const S m = z / tau;
    // m e^-z as one exponential: apart, zero times infinity where z is far below 0.
    return -sigmoid(-m) * log_sigmoid(z) + exp(log_sigmoid(m) - z);
  }
};

}  // namespace CANDOR_NS
