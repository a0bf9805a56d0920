// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The hinge loss on the margin (SLiC, Zhao et al. 2023, arXiv 2305.10425; TRL's `hinge`):
///   loss = max(0, 1 - beta (s(a) - s(c))),  a, c = log-ratios of chosen and rejected to the reference.

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct hinge {
  double beta = 0.1;      ///< the margin is 1 / beta nats
  divergence score = {};  ///< s

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    return max(S(0), S(1) - beta * (score(y.chosen) - score(y.rejected)));
  }
};

}  // namespace CANDOR_NS
