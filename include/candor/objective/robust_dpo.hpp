// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// DPO that is unbiased where a known share e of the labels is wrong (Chowdhury et al. 2024, arXiv
/// 2403.00409; TRL's `robust`):
///   loss = (-(1 - e) log sigmoid(z) + e log sigmoid(-z)) / (1 - 2 e),  z = beta (s(a) - s(c)).

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct robust_dpo {
  double beta = 0.1;             ///< reward a nat of log-ratio
  double label_smoothing = 0.1;  ///< e, in [0, 0.5); at 0 it is DPO
  divergence score = {};         ///< s

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S z = beta * (score(y.chosen) - score(y.rejected));
    return (label_smoothing * log_sigmoid(-z) - (1 - label_smoothing) * log_sigmoid(z)) /
           (1 - 2 * label_smoothing);
  }
};

}  // namespace CANDOR_NS
