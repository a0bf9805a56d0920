// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Supervised fine-tuning as an objective and as a term beside another one:
///   none    term = -weight * log pi(y_w)                 RLHF-V's and RLAIF-V's SFT_weight
///   record  term = -weight * log pi(y_w) / |y_w|         a record's tokens: RPO (arXiv 2404.19733)
///   step    term = -weight * log pi(y_w) / mean |y_w|    all tokens of a step: LLaVA's code, TRL's `sft`
/// The trainer takes the mean over items in each form.

#include <candor/objective/objective.hpp>

#include <cstdint>
#include <span>

namespace CANDOR_NS {

/// What the log-likelihood of an answer is divided by: nothing, its tokens, or the mean of the step's
/// answers'.
enum class sft_average : std::uint8_t { none, record, step };

/// The answer's negative log-likelihood alone; needs no reference and no rejected answer.
struct sft {
  static constexpr cell_place cells[] = {{0}};
  static constexpr bool needs_reference = false;

  double weight = 1.0;
  sft_average average = sft_average::none;

  template <class S, int Cells>
  CANDOR_HD S term(const pair<S, Cells>& y) const {
    const cell<S>& c = y.cells[0];
    const double tokens = average == sft_average::step     ? y.mean_tokens
                          : average == sft_average::record ? c.tokens
                                                           : 1.0;
    return -weight * c.sum / tokens;
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
  using statistics = statistics_t<Objective>;

  Objective objective;
  sft extra;

  constexpr auto places() const { return places_of(objective); }
  constexpr bool needs_reference() const { return reads_reference(objective); }
  constexpr bool needs_statistics() const { return reads_statistics(objective); }
  constexpr int smallest_batch() const { return candor::smallest_batch(objective); }
  constexpr token_weights token_weighting() const { return token_weights_of(objective); }
  constexpr bool needs_kl(int cell) const requires has_kl<Objective> { return reads_kl(objective, cell); }
  constexpr bool needs_confidence() const { return reads_confidence(objective); }
  constexpr bool needs_margin() const { return reads_margin(objective); }
  constexpr bool needs_mismatched() const { return reads_mismatched(objective); }

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
