// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The row program that turns cell sums into losses and their derivatives: one item a row, the same source on
/// host and device. The loss of an item is computed in dual numbers over double, one derivative for each
/// cell's sum and, where the objective reads it, divergence.

#include <candor/objective/objective.hpp>

#include <cstdint>

namespace CANDOR_NS {

/// Arrays are row-major with C = cells_in<O> columns. `A` is the type of log-probs: float, or double in
/// tests.
template <class O, class A = float>
struct objective_program {
  static_assert(check_objective<O>());
  static constexpr int cells = cells_in<O>;
  using scalar = objective_scalar<O>;

  O objective;
  const A* sums;                  // (items, C) weighted log-prob sums under the policy, nats
  const A* references;            // (items, C) under the reference, or null where it is not needed
  const float* tokens;            // (items, C) scored tokens
  const float* weights;           // (items, C) sums of the token weights
  A* losses;                      // (items) nats
  A* d_sums;                      // (items, C) scale * d loss / d sum, or null
  A* rewards_chosen;              // (items) implicit reward of cell 0, or null
  A* rewards_rejected;            // (items) of cell 1, or null
  double scale = 1;               // 1 / pairs of the optimizer step
  const double* given = nullptr;  // (items, 2) what the statistics left for each item, or null
  statistics_t<O> statistics = {};
  double mean_tokens = 0;              // scored tokens of cell 0, mean over the items of the optimizer step
  int imageless = -1;                  // imageless_cell of the objective's places
  A* rewards_imageless = nullptr;      // (items) implicit reward of that cell, where there is one
  const A* kls = nullptr;              // (items, C) divergences from the reference, nats, or null
  A* d_kls = nullptr;                  // (items, C) scale * d loss / d divergence, or null
  const double* confidence = nullptr;  // (items, C) nats, or null
  const double* margins = nullptr;     // (items) or null

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const objective_program self = *this;
    team.each(1, [=](std::int64_t) { self.item(row); });
  }

  /// The item of a row, with the derivatives.
  CANDOR_HD pair<scalar, cells> load(std::int64_t row) const {
    pair<scalar, cells> y;
    for (int c = 0; c < cells; ++c) {
      const std::int64_t i = row * cells + c;
      y.cells[c].sum = scalar::variable(sums[i], c);
      if constexpr (has_kl<O>)
        if (kls != nullptr) y.cells[c].kl = scalar::variable(kls[i], cells + c);
      y.cells[c].confidence = confidence != nullptr ? confidence[i] : 0.0;
      y.cells[c].reference = references != nullptr ? static_cast<double>(references[i]) : 0.0;
      y.cells[c].tokens = tokens[i];
      y.cells[c].weight = weights[i];
    }
    for (int g = 0; g < 2; ++g) y.given[g] = given != nullptr ? given[row * 2 + g] : 0.0;
    y.mean_tokens = mean_tokens;
    y.margin = margins != nullptr ? margins[row] : 0.0;
    y.set_ratios();
    return y;
  }

 private:
  CANDOR_HD void item(std::int64_t row) const {
    const auto y = load(row);
    const scalar loss = loss_of(objective, y, statistics);
    losses[row] = static_cast<A>(loss.value);
    if (d_sums != nullptr)
      for (int c = 0; c < cells; ++c) d_sums[row * cells + c] = static_cast<A>(scale * loss.d[c]);
    if constexpr (has_kl<O>)
      if (d_kls != nullptr)
        for (int c = 0; c < cells; ++c) d_kls[row * cells + c] = static_cast<A>(scale * loss.d[cells + c]);
    if (rewards_chosen != nullptr)
      rewards_chosen[row] = static_cast<A>(reward_of(objective, y.cells[0]).value);
    if constexpr (cells > 1)
      if (rewards_rejected != nullptr)
        rewards_rejected[row] = static_cast<A>(reward_of(objective, y.cells[1]).value);
    if (imageless >= 0 && rewards_imageless != nullptr)
      rewards_imageless[row] = static_cast<A>(reward_of(objective, y.cells[imageless]).value);
  }
};

}  // namespace CANDOR_NS
