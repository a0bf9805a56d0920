// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Dense DPO (RLHF-V, Yu et al. 2024, arXiv 2312.00849, section 4.2): DPO in which tokens that the correction
/// changed weigh gamma and the others 1,
///   loss = -log sigmoid(beta (r(y_w) - r(y_l))),  r(y) = sum_t w_t (log pi(y_t) - log pi_ref(y_t)) [ / sum_t
///   w_t ].
/// The paper divides by sum_t w_t = |unchanged| + gamma |changed|; the released code does not. The paper has
/// gamma 5 and beta 0.5, the released script 1.1 and 0.1.

#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

enum class change_region {
  answer,  ///< the answers are compared
  full     ///< prompt and answer are compared together, as the released code does
};

struct dense_dpo {
  double beta = 0.1;                            ///< reward a nat of (normalised) log-ratio
  double gamma = 5.0;                           ///< weight of a changed token
  bool normalise = false;                       ///< divide by the sum of the weights
  change_region scope = change_region::answer;  ///< what is compared
  int min_match = 3;               ///< equal runs shorter than this belong to the change around them
  bool autojunk = true;            ///< difflib's rule for frequent tokens
  bool weight_insertions = false;  ///< also weigh what only one of the two answers has

  constexpr token_weights token_weighting() const {
    return {.gamma = gamma,
            .whole_sequence = scope == change_region::full,
            .min_match = min_match,
            .autojunk = autojunk,
            .weight_insertions = weight_insertions};
  }

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return normalise ? beta * c.ratio() / c.weight : beta * c.ratio();
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return -log_sigmoid(reward(y.cells[0]) - reward(y.cells[1]));
  }
};

}  // namespace CANDOR_NS
