// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Cross-modal hierarchical DPO (CHiP, Fu et al. 2025, arXiv 2501.16629): the answer is preferred at three
/// grains (response, segment, token) and under its own image rather than under a distorted one. With l = -log
/// sigmoid, a, c, a' the log-ratios of the chosen, the rejected, and the chosen answer under the distorted
/// image, in which changed tokens weigh gamma, and KL_w, KL_l the sums of KL(ref || pi) over the answers'
/// positions (TDPO's term, arXiv 2404.11999; the chosen side's gradient stopped):
///   fused    l(beta ((a - c) + (a - a') - alpha (KL_l - KL_w)))             as the released code does
///   summed   l(beta (a - c)) + l(beta (a - a')) + beta alpha (KL_l - KL_w)  losses added, as in the paper
/// The partition functions of the two images do not cancel in a - a' (SymMPO, arXiv 2506.11712).

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct chip {
  static constexpr cell_place cells[] = {{0}, {1}, {0, "distorted"}};

  double beta = 0.1;   ///< reward a nat of log-ratio
  double alpha = 0.1;  ///< of the token term: nats of log-ratio a nat of divergence
  double gamma = 4.0;  ///< weight of changed tokens; the released LLaVA script has 4, Muffin's 2
  bool fused = true;   ///< one log-sigmoid over the sum of the margins

  /// Not under the distorted image, whose rows are a third of all.
  constexpr bool needs_kl(int cell) const { return alpha != 0 && cell < 2; }
  constexpr token_weights token_weighting() const { return {.gamma = gamma}; }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 3>& y) const {
    const S text = y.chosen - y.rejected, image = y.chosen - y.cells[2].ratio();
    const S tokens = alpha * (y.cells[1].kl - stop_gradient(y.cells[0].kl));
    return fused ? -log_sigmoid(beta * (text + image - tokens))
                 : -log_sigmoid(beta * text) - log_sigmoid(beta * image) + beta * tokens;
  }
};

}  // namespace CANDOR_NS
