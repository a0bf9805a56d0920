// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Contrastive preference optimisation (CPO, Xu et al. 2024, arXiv 2401.08417): DPO with a uniform reference,
/// kept near the chosen answer by supervised learning,
///   loss = -log sigmoid(beta (log pi(y_w) - log pi(y_l))) - alpha log pi(y_w) / |y_w|.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct cpo {
  static constexpr bool needs_reference = false;

  double beta = 0.1;   ///< reward a nat of log-prob
  double alpha = 1.0;  ///< of the supervised term, TRL's `cpo_alpha`

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return beta * c.sum;
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return -log_sigmoid(reward(y.cells[0]) - reward(y.cells[1])) - alpha * y.cells[0].sum / y.cells[0].tokens;
  }
};

}  // namespace CANDOR_NS
