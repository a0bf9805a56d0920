// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// OPA-DPO (Yang et al. 2025, arXiv 2501.09695) in the form over whole answers: the true answer and the
/// model's own answer as an expert revised it are each preferred over the model's own, and under the image
/// over a masked one, with an anchor,
///   loss = l(beta (a - c)) + l(beta (b - c)) + w_i (l(beta (a - a~)) + l(beta (b - b~)))
///        + w_a (l(beta a - margin) + l(+-beta b - margin)),  l(z) = -log sigmoid(z),
/// a, b, c: log-ratios of true, revised and own answer, a~, b~ under the masked image, nats. The records'
/// answers are chosen, `others[0]`, rejected. Published: 30 % of the pixels in the mean colour, w_i 0.2, w_a
/// 1, margin 0. The released code differs: its sigmoids are taken token by token, and its anchor pushes b
/// down (the sign).

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct opa_dpo {
  static constexpr cell_place cells[] = {{0}, {1}, {2}, {0, "distorted"}, {2, "distorted"}};

  double beta = 0.1;                  ///< reward a nat of log-ratio
  double conditional_weight = 0.2;    ///< w_i
  double anchor_weight = 1.0;         ///< w_a
  double anchor_margin = 0.0;         ///< reward
  bool lower_revised_anchor = false;  ///< the anchor's sign for the revised answer as released

  template <class S>
  CANDOR_HD S operator()(const pair<S, 5>& y) const {
    const S revised = y.cells[2].ratio();
    const S held = lower_revised_anchor ? -beta * revised : beta * revised;
    return -log_sigmoid(beta * (y.chosen - y.rejected)) - log_sigmoid(beta * (revised - y.rejected)) -
           conditional_weight * (log_sigmoid(beta * (y.chosen - y.cells[3].ratio())) +
                                 log_sigmoid(beta * (revised - y.cells[4].ratio()))) -
           anchor_weight * (log_sigmoid(beta * y.chosen - anchor_margin) + log_sigmoid(held - anchor_margin));
  }
};

}  // namespace CANDOR_NS
