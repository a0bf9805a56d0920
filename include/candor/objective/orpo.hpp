// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Odds ratio preference optimisation (ORPO, Hong et al. 2024, arXiv 2403.07691): supervised learning with a
/// penalty on the odds of the rejected answer, without a reference,
///   loss = -m_w - beta log sigmoid(log odds(y_w) - log odds(y_l)),
///   m = log pi(y) / |y|,  log odds = m - log(1 - e^m).

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct orpo {
  static constexpr bool needs_reference = false;

  double beta = 0.1;  ///< lambda of the paper, TRL's `beta`

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return beta * c.sum / c.tokens;
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return -y.cells[0].sum / y.cells[0].tokens -
           beta * log_sigmoid(log_odds(y.cells[0]) - log_odds(y.cells[1]));
  }

 private:
  /// A certain answer (m = 0) has infinite odds; a float's distance from 1 is the end.
  template <class S>
  CANDOR_HD static S log_odds(const cell<S>& c) {
    const S m = min(c.sum / c.tokens, S(-6e-8));
    return m - (m.value > -0.6931471805599453 ? log(-expm1(m)) : log1p(-exp(m)));
  }
};

}  // namespace CANDOR_NS
