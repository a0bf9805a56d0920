// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Helpers of the objective tests: the item of the golden values, and a loss with its derivatives by dual
/// numbers and by central differences.

#include "support/catch.hpp"

#include <candor/backend/team.hpp>
#include <candor/objective/objective_program.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace candor_test {

/// Sums under policy and reference, tokens and weights of the cells of one item; divergences where they are
/// read.
struct item {
  std::vector<double> sums, references;
  std::vector<float> tokens, weights;
  std::vector<double> kls = {};
};

/// log pi(y_w) = -30, log pi(y_l) = -42, log ref(y_w) = -33, log ref(y_l) = -40, 20 and 25 tokens:
/// a = 3, c = -2, and with beta = 0.1 the reward margin is z = 0.5.
inline item golden_item() { return {{-30, -42}, {-33, -40}, {20, 25}, {20, 25}}; }

/// The item for an objective of more cells: each further one is that two before it, 3 nats less likely.
inline item widened(item x, int cells) {
  for (std::size_t c = x.sums.size(); c < static_cast<std::size_t>(cells); ++c) {
    x.sums.push_back(x.sums[c - 2] - 3);
    x.references.push_back(x.references[c - 2]);
    x.tokens.push_back(x.tokens[c - 2]);
    x.weights.push_back(x.weights[c - 2]);
  }
  for (std::size_t c = x.kls.size(); c < static_cast<std::size_t>(cells); ++c) x.kls.push_back(1.5 + 0.5 * c);
  return x;
}

struct result {
  double loss = 0, reward_chosen = 0, reward_rejected = 0;
  std::vector<double> d_sums, d_kls;
};

/// Runs the row program on one item.
template <class O>
result run(const O& objective, const item& narrow, const candor::statistics_t<O>& statistics = {},
           double given = 0) {
  const item x = widened(narrow, candor::cells_in<O>);
  result r;
  r.d_sums.resize(static_cast<std::size_t>(candor::cells_in<O>));
  r.d_kls.resize(r.d_sums.size());
  const candor::objective_program<O, double> program{.objective = objective,
                                                     .sums = x.sums.data(),
                                                     .references = x.references.data(),
                                                     .tokens = x.tokens.data(),
                                                     .weights = x.weights.data(),
                                                     .losses = &r.loss,
                                                     .d_sums = r.d_sums.data(),
                                                     .rewards_chosen = &r.reward_chosen,
                                                     .rewards_rejected = &r.reward_rejected,
                                                     .given = &given,
                                                     .statistics = statistics,
                                                     .kls = x.kls.data(),
                                                     .d_kls = r.d_kls.data()};
  program(candor::serial_team{}, 0);
  return r;
}

/// Derivatives for each cell's sum, and divergence where the objective reads it, against central differences.
template <class O>
void check_gradient(const O& objective, const item& narrow, const candor::statistics_t<O>& statistics = {}) {
  const item x = widened(narrow, candor::cells_in<O>);
  const result r = run(objective, x, statistics);
  const double h = 1e-5, rounding = 4e-16 * std::abs(r.loss) / h;  // of the differences
  const auto difference = [&](std::vector<double> item::*what, std::size_t c) {
    item up = x, down = x;
    (up.*what)[c] += h;
    (down.*what)[c] -= h;
    return (run(objective, up, statistics).loss - run(objective, down, statistics).loss) / (2 * h);
  };
  for (std::size_t c = 0; c < r.d_sums.size(); ++c) {
    INFO("cell " << c);
    CHECK(r.d_sums[c] == Approx(difference(&item::sums, c)).epsilon(1e-6).margin(1e-8 + rounding));
    if constexpr (candor::has_kl<O>)
      if (r.d_kls[c] != 0.0)  // or its gradient is stopped
        CHECK(r.d_kls[c] == Approx(difference(&item::kls, c)).epsilon(1e-6).margin(1e-8 + rounding));
  }
}

}  // namespace candor_test
