// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Symmetric preferences between two images and their two answers: y_w is true of the image v, y_l of the
/// other image v', and each is the other's rejected one.
///   z = beta (a - c) under v,  z' = beta (c' - a') under v':
///   loss = w_r (l(z) + l(z')) + w_c (z - z')^2 + w_i (l(beta (a - a')) + l(beta (c' - c))),
/// l(z) = -log sigmoid(z). SymMPO (Liu et al. 2025, arXiv 2506.11712) compares the answers under each image,
/// so that the partition function cancels as in DPO, and holds the two margins together: w_r, w_c. S-VCO (Wu
/// et al. 2025, arXiv 2502.13928) compares the images for each answer: w_i. The form of the consistency term
/// and the weights are candor's: the papers' numbers could not be checked.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct sym_mpo {
  static constexpr cell_place cells[] = {{0}, {1}, {0, "other"}, {1, "other"}};

  double beta = 0.1;                ///< reward a nat of log-ratio
  double response_weight = 1.0;     ///< w_r
  double consistency_weight = 1.0;  ///< w_c, of a squared difference of rewards
  double image_weight = 0.0;        ///< w_i

  template <class S>
  CANDOR_HD S operator()(const pair<S, 4>& y) const {
    const S chosen_there = y.cells[2].ratio(), rejected_there = y.cells[3].ratio();
    const S here = beta * (y.chosen - y.rejected), there = beta * (rejected_there - chosen_there);
    const S apart = here - there;
    return -response_weight * (log_sigmoid(here) + log_sigmoid(there)) +
           consistency_weight * (apart * apart) -
           image_weight * (log_sigmoid(beta * (y.chosen - chosen_there)) +
                           log_sigmoid(beta * (rejected_there - y.rejected)));
  }
};

}  // namespace CANDOR_NS
