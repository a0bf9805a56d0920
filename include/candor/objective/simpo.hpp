// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Simple preference optimisation (SimPO, Meng et al. 2024, arXiv 2405.14734): the mean log-prob is the
/// reward, without a reference,
///   loss = -log sigmoid(beta (m_w - m_l) - gamma),  m = log pi(y) / |y|.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct simpo {
  static constexpr bool needs_reference = false;

  double beta = 2.0;   ///< reward a nat of mean log-prob; the paper has 2 to 2.5
  double gamma = 1.0;  ///< margin that is asked for, in reward; the paper has 0.3 to 0.5 of beta

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return beta * c.sum / c.tokens;
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return -log_sigmoid(reward(y.cells[0]) - reward(y.cells[1]) - gamma);
  }
};

}  // namespace CANDOR_NS
