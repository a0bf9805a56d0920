// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290; TRL's `sigmoid`):
///   loss = -log sigmoid(z),  z = beta (s(a) - s(c)),  a, c = log-ratios of chosen and rejected to the
///   reference.
/// s(r) is r, or that of another divergence than the reverse KL. With label smoothing e (cDPO): -(1 - e) log
/// sigmoid(z) - e log sigmoid(-z).

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct dpo {
  double beta = 0.1;             ///< reward a nat of log-ratio
  double label_smoothing = 0.0;  ///< share of pairs that are taken to be labelled the wrong way, in [0, 0.5)
  divergence score = {};         ///< s

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S z = beta * (score(y.chosen) - score(y.rejected));
    return -(1 - label_smoothing) * log_sigmoid(z) - label_smoothing * log_sigmoid(-z);
  }
};

}  // namespace CANDOR_NS
