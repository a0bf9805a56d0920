// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Identity preference optimisation (Azar et al. 2023, arXiv 2310.12036):
///   loss = (s(a) - s(c) - 1 / (2 beta))^2,  a, c = log-ratios of chosen and rejected to the reference.
/// Normalised, as TRL has it with its authors' agreement, s(a) and s(c) are divided by their numbers of
/// tokens.

#include <candor/objective/divergence.hpp>
#include <candor/objective/objective.hpp>

namespace CANDOR_NS {

struct ipo {
  double beta = 0.1;      ///< the margin is 1 / (2 beta) nats (a token, where normalised)
  bool normalise = true;  ///< log-ratios per token
  divergence score = {};  ///< s

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return normalise ? beta * c.ratio() / c.tokens : beta * c.ratio();
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y) const {
    const S a = score(y.chosen), c = score(y.rejected);
    const S margin = normalise ? a / y.cells[0].tokens - c / y.cells[1].tokens : a - c;
    const S gap = margin - 1 / (2 * beta);
    return gap * gap;
  }
};

}  // namespace CANDOR_NS
