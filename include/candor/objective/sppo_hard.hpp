// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Self-play preference optimisation with certain preferences (SPPO, Wu et al. 2024, arXiv 2405.00675,
/// equation 4.7 with P = 1 and 0; TRL's `sppo_hard`):
///   loss = (a - 1 / (2 beta))^2 + (c + 1 / (2 beta))^2.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct sppo_hard {
  double beta = 0.1;  ///< the log-ratios are drawn to +-1 / (2 beta) nats

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S up = y.chosen - 0.5 / beta, down = y.rejected + 0.5 / beta;
    return up * up + down * down;
  }
};

}  // namespace CANDOR_NS
