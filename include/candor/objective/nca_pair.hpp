// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Noise contrastive alignment for a pair (NCA, Chen et al. 2024, arXiv 2402.05369; TRL's `nca_pair`): the
/// rewards are held on their own and not only apart,
///   loss = -log sigmoid(beta a) - 1/2 log sigmoid(-beta a) - 1/2 log sigmoid(-beta c).

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct nca_pair {
  double beta = 0.1;  ///< reward a nat of log-ratio

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S a = beta * y.chosen, c = beta * y.rejected;
    return -log_sigmoid(a) - 0.5 * (log_sigmoid(-a) + log_sigmoid(-c));
  }
};

}  // namespace CANDOR_NS
