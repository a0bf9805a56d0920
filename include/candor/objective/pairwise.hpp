// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The pairwise losses under TRL's names, chosen at run time, alone or as a weighted sum:
///   pairwise{.terms = {{loss_type::sigmoid, 0.8}, {loss_type::bco_pair, 0.2}, {loss_type::sft, 1}}}
/// is MPO (Wang et al. 2024, arXiv 2411.10442). Each loss has its formula in its own header. Three options
/// change any of them:
///   ld_alpha       tokens beyond the shorter answer's length weigh this in the log-probs of policy and
///                  reference (LD-DPO, Liu et al. 2024, arXiv 2409.06411)
///   use_weighting  the loss of a pair times w(chosen) w(rejected), gradient stopped,
///                  w(y) = exp(mean_t (log pi(y_t) - log sum_v pi(v)^2)) (WPO, Zhou et al. 2024, arXiv
///                  2406.11827)
///   margin_weight  beta of a pair is beta (1 + margin_weight k), at least 1e-3, with k the margin that its
///                  record gives (MM-DPO, Zhang et al. 2025, arXiv 2502.10391)

#include <candor/objective/aot.hpp>
#include <candor/objective/apo.hpp>
#include <candor/objective/bco_pair.hpp>
#include <candor/objective/cpo.hpp>
#include <candor/objective/discopop.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/exo_pair.hpp>
#include <candor/objective/hinge.hpp>
#include <candor/objective/ipo.hpp>
#include <candor/objective/kto.hpp>
#include <candor/objective/kto_pair.hpp>
#include <candor/objective/loss_type.hpp>
#include <candor/objective/nca_pair.hpp>
#include <candor/objective/orpo.hpp>
#include <candor/objective/robust_dpo.hpp>
#include <candor/objective/sft.hpp>
#include <candor/objective/sigmoid_norm.hpp>
#include <candor/objective/simpo.hpp>
#include <candor/objective/sppo_hard.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace CANDOR_NS {

struct pairwise {
  struct term {
    loss_type type = loss_type::none;
    double weight = 1.0;
  };
  struct statistics {
    bco_pair::statistics bco;
    kto_pair::statistics pairs;  ///< of kto_pair
    kto::statistics mismatched;  ///< of kto
  };

  term terms[4] = {{loss_type::sigmoid}};  ///< those that are none are left out
  double beta = 0.1;                       ///< of all terms
  double label_smoothing = 0.0;            ///< sigmoid, robust, exo_pair, aot, aot_unpaired
  divergence score = {};                   ///< sigmoid, hinge, ipo, exo_pair, robust, discopop, sigmoid_norm
  double discopop_tau = 0.05;
  double simpo_gamma = 1.0;
  double cpo_alpha = 1.0;
  bool bco_shift = false;
  double desirable_weight = 1.0, undesirable_weight = 1.0;  ///< kto, kto_pair
  double ld_alpha = 1.0;       ///< of tokens beyond the shorter answer's length, in [0, 1]; 0 leaves them out
  bool use_weighting = false;  ///< WPO's weights
  double margin_weight = 0.0;  ///< how much a record's margin changes beta

  constexpr bool has(loss_type type) const {
    for (const term& t : terms)
      if (t.type == type) return true;
    return false;
  }
  /// Whether a term reads this, a constant of loss_reads.
  constexpr bool reads(unsigned what) const {
    for (const term& t : terms)
      if ((entry_of(t.type).reads & what) != 0) return true;
    return false;
  }
  /// The third cell is KTO's, if it is a term.
  constexpr std::array<cell_place, 3> places() const { return {{{0}, {1}, {has(loss_type::kto) ? 2 : -1}}}; }
  constexpr bool needs_mismatched() const { return has(loss_type::kto); }
  constexpr bool needs_reference() const { return reads(loss_reads::reference); }
  constexpr bool needs_statistics() const {
    return (has(loss_type::bco_pair) && bco_shift) || reads(loss_reads::ranks) || has(loss_type::kto_pair) ||
           has(loss_type::kto);
  }
  constexpr int smallest_batch() const {
    return reads(loss_reads::ranks) || has(loss_type::kto_pair) || has(loss_type::kto) ? 2 : 1;
  }
  constexpr bool needs_confidence() const { return use_weighting; }
  constexpr bool needs_margin() const { return margin_weight != 0; }
  constexpr token_weights token_weighting() const { return {.ld_alpha = ld_alpha}; }

  /// What TRL's options cannot say together, or not at all; usage_error with the option and what to do.
  void check() const;

  void update(statistics& s, std::span<pair<double, 3>> items) const {
    std::vector<pair<double>> pairs;
    for (const auto& y : items) pairs.push_back(y.template first<2>());
    if (has(loss_type::bco_pair) && bco_shift) bco(beta).update(s.bco, pairs);
    if (has(loss_type::kto_pair)) by_pairs(beta).update(s.pairs, pairs);
    if (has(loss_type::kto)) by_mismatched(beta).update(s.mismatched, items);
    aot::statistics none;
    aot_unpaired::statistics neither;
    if (has(loss_type::aot)) aot{beta, label_smoothing}.update(none, pairs);
    if (has(loss_type::aot_unpaired)) aot_unpaired{beta, label_smoothing}.update(neither, pairs);
    for (std::size_t i = 0; i < items.size(); ++i) std::copy_n(pairs[i].given, 2, items[i].given);
  }

  template <class S>
  CANDOR_HD S reward(const cell<S>& c) const {
    switch (terms[0].type) {
      case loss_type::ipo: return reward_of(ipo{.beta = beta}, c);
      case loss_type::sigmoid_norm: return reward_of(sigmoid_norm{.beta = beta, .score = score}, c);
      case loss_type::simpo: return reward_of(simpo{.beta = beta}, c);
      case loss_type::orpo: return reward_of(orpo{.beta = beta}, c);
      case loss_type::cpo: return reward_of(cpo{.beta = beta}, c);
      default: return beta * c.ratio();
    }
  }

  template <class S>
  CANDOR_HD S operator()(const pair<S, 3>& y, const statistics& s) const {
    const double scaled = beta * (1 + margin_weight * y.margin);
    const double beta_of_pair = scaled > 1e-3 || margin_weight == 0 ? scaled : 1e-3;
    S sum(0);
    for (const term& t : terms)
      if (t.type != loss_type::none) sum += t.weight * loss(t.type, beta_of_pair, y, s);
    return use_weighting ? math::exp(y.cells[0].confidence + y.cells[1].confidence) * sum : sum;
  }

 private:
  CANDOR_HD bco_pair bco(double b) const { return {.beta = b, .shift = bco_shift}; }
  CANDOR_HD kto_pair by_pairs(double b) const { return {b, desirable_weight, undesirable_weight}; }
  CANDOR_HD kto by_mismatched(double b) const { return {b, desirable_weight, undesirable_weight}; }

  /// `b` is beta of the pair.
  template <class S>
  CANDOR_HD S loss(loss_type type, double b, const pair<S, 3>& all, const statistics& s) const {
    const pair<S> y = all.template first<2>();
    switch (type) {
      case loss_type::sigmoid: return dpo{b, label_smoothing, score}(y);
      case loss_type::hinge: return hinge{b, score}(y);
      case loss_type::ipo: return ipo{b, true, score}(y);
      case loss_type::exo_pair: return exo_pair{b, label_smoothing, score}(y);
      case loss_type::nca_pair: return nca_pair{b}(y);
      case loss_type::robust: return robust_dpo{b, label_smoothing, score}(y);
      case loss_type::bco_pair: return bco(b)(y, s.bco);
      case loss_type::sppo_hard: return sppo_hard{b}(y);
      case loss_type::aot: return aot{b, label_smoothing}(y, {});
      case loss_type::aot_unpaired: return aot_unpaired{b, label_smoothing}(y, {});
      case loss_type::apo_zero: return apo_zero{b}(y);
      case loss_type::apo_down: return apo_down{b}(y);
      case loss_type::discopop: return discopop{b, discopop_tau, score}(y);
      case loss_type::sft: return sft{.average = sft_average::step}.term(y);
      case loss_type::sigmoid_norm: return sigmoid_norm{b, score}(y);
      case loss_type::simpo: return simpo{b, simpo_gamma}(y);
      case loss_type::orpo: return orpo{b}(y);
      case loss_type::cpo: return cpo{b, cpo_alpha}(y);
      case loss_type::kto_pair: return by_pairs(b)(y, s.pairs);
      case loss_type::kto: return by_mismatched(b)(all, s.mismatched);
      case loss_type::none: break;
    }
    return S(0);
  }
};

inline void pairwise::check() const {
  bool any_term = false;
  for (const term& t : terms) {
    const loss_entry& entry = entry_of(t.type);
    if (t.type == loss_type::none) continue;
    any_term = true;
    const auto reads_of = [&](unsigned what) { return (entry.reads & what) != 0; };
    require<usage_error>(score.kind == divergence_kind::reverse_kl || reads_of(loss_reads::divergence) ||
                             t.type == loss_type::sft,
                         "[pairwise] ", entry.name, " has no form under another divergence than reverse_kl");
    require<usage_error>(ld_alpha == 1 || reads_of(loss_reads::reference),
                         "[pairwise] ld_alpha discounts log-ratios to the reference, and ", entry.name,
                         " reads none");
    require<usage_error>(!use_weighting || !reads_of(loss_reads::ranks),
                         "[pairwise] use_weighting weighs pairs, and ", entry.name,
                         " sorts the answers of a step apart from their pairs");
  }
  require<usage_error>(any_term, "[pairwise] no loss is named");
  require<usage_error>(beta > 0, "[pairwise] beta is ", beta, "; expected more than 0");
  require<usage_error>(label_smoothing >= 0 && label_smoothing < 0.5, "[pairwise] label smoothing is ",
                       label_smoothing, "; expected from 0 to below 0.5");
  require<usage_error>(label_smoothing == 0 || reads(loss_reads::smoothing), "[pairwise] label smoothing is ",
                       label_smoothing, ", but none of the losses reads it");
  require<usage_error>(!has(loss_type::exo_pair) || label_smoothing > 0,
                       "[pairwise] exo_pair is infinite without label smoothing; its paper has 1e-3");
  require<usage_error>(!has(loss_type::discopop) || discopop_tau > 0, "[pairwise] discopop's tau is ",
                       discopop_tau, "; expected more than 0");
  require<usage_error>(ld_alpha >= 0 && ld_alpha <= 1, "[pairwise] ld_alpha is ", ld_alpha,
                       "; expected from 0 to 1");
  require<usage_error>(!has(loss_type::aot) || !has(loss_type::aot_unpaired),
                       "[pairwise] aot and aot_unpaired sort the same items differently: use one of them");
}

}  // namespace CANDOR_NS
