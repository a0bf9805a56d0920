// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Binary classifier optimisation (BCO, Jung et al. 2024, arXiv 2404.04656): chosen answers on one side of a
/// shift, rejected ones on the other,
///   loss = -log sigmoid(beta a - delta) - log sigmoid(delta - beta c).
/// TRL's `bco_pair` has delta = 0; with `shift` it is the mean over the steps so far of their answers' mean
/// reward, as in the paper, LLaMA-Factory and ms-swift.

#include <candor/objective/objective.hpp>

#include <cstdint>
#include <span>

namespace CANDOR_NS {

struct bco_pair {
  struct statistics {
    double delta = 0;        ///< nats times beta
    std::int64_t steps = 0;  ///< that it is the mean of
  };

  double beta = 0.1;   ///< reward a nat of log-ratio
  bool shift = false;  ///< by the running mean of rewards, else 0

  constexpr bool needs_statistics() const { return shift; }

  void update(statistics& s, std::span<pair<double>> items) const {
    double mean = 0;
    for (const auto& y : items) mean += beta * (y.chosen + y.rejected) / 2;
    mean /= static_cast<double>(items.size());
    ++s.steps;
    s.delta += (mean - s.delta) / static_cast<double>(s.steps);
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S>& y, const statistics& s) const {
    return -log_sigmoid(beta * y.chosen - s.delta) - log_sigmoid(s.delta - beta * y.rejected);
  }
};

}  // namespace CANDOR_NS
