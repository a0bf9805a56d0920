// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// mDPO (Wang et al. 2024, arXiv 2406.11839): DPO, a conditional preference of the image over a distorted
/// one, and an anchor that holds the chosen answer's reward above a margin,
///   loss = l(beta (a - c)) + l(beta (a - a~)) + l(beta a - margin),  l(z) = -log sigmoid(z),
/// a, c: log-ratios of chosen and rejected to the reference, a~: of chosen under the distorted image, nats.
/// The partition functions of the two images do not cancel in a - a~ (SymMPO, arXiv 2506.11712), so the
/// second term is no strict DPO. Published: a crop of 1 to 20 % of the area as the distorted image, all
/// weights 1.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct mdpo {
  static constexpr cell_place cells[] = {{0}, {1}, {0, "distorted"}};

  double beta = 0.1;                ///< reward a nat of log-ratio
  double conditional_weight = 1.0;  ///< of the preference between the images
  double anchor_weight = 1.0;       ///< of the anchor
  double anchor_margin = 0.0;       ///< reward that the chosen answer shall have at least: the paper's delta

  template <class S>
  CANDOR_HD S operator()(const pair<S, 3>& y) const {
    return -log_sigmoid(beta * (y.chosen - y.rejected)) -
           conditional_weight * log_sigmoid(beta * (y.chosen - y.cells[2].ratio())) -
           anchor_weight * log_sigmoid(beta * y.chosen - anchor_margin);
  }
};

}  // namespace CANDOR_NS
