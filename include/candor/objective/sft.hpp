// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Supervised fine-tuning as an objective and as a term beside another one:
///   term = -weight * log pi(y_w)                 RLHF-V's and RLAIF-V's SFT_weight
///   term = -weight * log pi(y_w) / |y_w|         per token: RPO (arXiv 2404.19733)
///   term = -weight * log pi(y_w) / mean |y_w|    over all tokens of a step: TRL's `sft`
/// The trainer takes the mean over items in each form.

#include <candor/objective/objective.hpp>

#include <span>

namespace CANDOR_NS {

/// The answer's negative log-likelihood alone; needs no reference and no rejected answer.
struct sft {
  static constexpr cell_place cells[] = {{0}};
  static constexpr bool needs_reference = false;

  double weight = 1.0;
  bool per_token = false;  ///< divide by the answer's tokens
  bool over_step =
      false;  ///< divide by the mean of the step's answers' tokens instead: all tokens weigh the same

  template <class S, int Cells>
  CANDOR_HD S term(const pair<S, Cells>& y) const {
    const cell<S>& c = y.cells[0];
    return over_step   ? -weight * c.sum / y.mean_tokens
           : per_token ? -weight * c.sum / c.tokens
                       : -weight * c.sum;
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S, 1>& y) const {
    return term(y);
  }
};

/// Any objective whose cell 0 is the chosen answer, plus the term on that answer; all else is the
/// objective's:
///   with_sft{dpo{.beta = 0.1}, {.weight = 0.2}}
template <class Objective>
struct with_sft {
  static constexpr auto& cells = detail::declared_cells<Objective>();
  using statistics = statistics_t<Objective>;

  Objective objective;
  sft extra;

  constexpr bool needs_reference() const { return reads_reference(objective); }
  constexpr bool needs_statistics() const { return reads_statistics(objective); }
  constexpr token_weights token_weighting() const { return token_weights_of(objective); }

  void update(statistics& s,
              std::span<pair<double, cells_in<Objective>>> items) const requires has_statistics<Objective> {
    objective.update(s, items);
  }

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    return reward_of(objective, c);
  }
  template <class S>
  CANDOR_HD S operator()(const pair<S, cells_in<Objective>>& y, const statistics& s = {}) const {
    return loss_of(objective, y, s) + extra.term(y);
  }
};
template <class Objective>
with_sft(Objective, sft) -> with_sft<Objective>;

}  // namespace CANDOR_NS
