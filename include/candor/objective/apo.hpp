// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Anchored preference optimisation (APO, D'Oosterlinck et al. 2024, arXiv 2408.06266, equations 7 and 8):
/// which way the likelihoods shall go is said and not left to the margin.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

/// Chosen up, rejected down; for chosen answers better than the model's own (TRL's `apo_zero`):
///   loss = 1 - sigmoid(beta a) + sigmoid(beta c).
struct apo_zero {
  double beta = 0.1;  ///< reward a nat of log-ratio

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return sigmoid(-beta * y.chosen) + sigmoid(beta * y.rejected);
  }
};

/// Both down, rejected further; for chosen answers worse than the model's own (TRL's `apo_down`):
///   loss = sigmoid(beta a) + 1 - sigmoid(beta (a - c)).
struct apo_down {
  double beta = 0.1;  ///< reward a nat of log-ratio

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return sigmoid(beta * y.chosen) + sigmoid(-beta * (y.chosen - y.rejected));
  }
};

}  // namespace CANDOR_NS
