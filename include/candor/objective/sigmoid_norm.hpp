// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// DPO on log-ratios per token (Tulu 3, Lambert et al. 2024, arXiv 2411.15124; TRL's `sigmoid_norm`):
///   loss = -log sigmoid(beta (s(a) / n_w - s(c) / n_l)),  n = scored tokens.

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct sigmoid_norm {
  double beta = 5.0;      ///< reward a nat of log-ratio a token; Tulu 3 has 5
  divergence score = {};  ///< s

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return beta * score(c.ratio()) / c.tokens;
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return -log_sigmoid(reward(y.cells[0]) - reward(y.cells[1]));
  }
};

}  // namespace CANDOR_NS
