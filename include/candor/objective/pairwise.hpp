// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The pairwise losses under TRL's names, chosen at run time, alone or as a weighted sum:
///   pairwise{.terms = {{loss_type::sigmoid, 0.8}, {loss_type::bco_pair, 0.2}, {loss_type::sft, 1}}, .beta =
///   0.1}
/// is MPO (Wang et al. 2024, arXiv 2411.10442). Each loss has its formula in its own header.

#include <candor/objective/aot.hpp>
#include <candor/objective/apo.hpp>
#include <candor/objective/bco_pair.hpp>
#include <candor/objective/cpo.hpp>
#include <candor/objective/discopop.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/exo_pair.hpp>
#include <candor/objective/hinge.hpp>
#include <candor/objective/ipo.hpp>
#include <candor/objective/kto_pair.hpp>
#include <candor/objective/nca_pair.hpp>
#include <candor/objective/orpo.hpp>
#include <candor/objective/robust_dpo.hpp>
#include <candor/objective/sft.hpp>
#include <candor/objective/sigmoid_norm.hpp>
#include <candor/objective/simpo.hpp>
#include <candor/objective/sppo_hard.hpp>

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace CANDOR_NS {

enum class loss_type {
  none,
  sigmoid,
  hinge,
  ipo,
  exo_pair,
  nca_pair,
  robust,
  bco_pair,
  sppo_hard,
  aot,
  aot_unpaired,
  apo_zero,
  apo_down,
  discopop,
  sft,
  sigmoid_norm,
  simpo,
  orpo,
  cpo,
  kto_pair
};

/// TRL's names, in the order of loss_type from `sigmoid` on.
inline constexpr std::array<std::string_view, 19> loss_type_names{
    "sigmoid",      "hinge", "ipo",          "exo_pair", "nca_pair", "robust",   "bco_pair",
    "sppo_hard",    "aot",   "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft",
    "sigmoid_norm", "simpo", "orpo",         "cpo",      "kto_pair"};

constexpr std::string_view name_of(loss_type type) {
  return type == loss_type::none ? "none" : loss_type_names[static_cast<std::size_t>(type) - 1];
}
constexpr std::optional<loss_type> loss_type_named(std::string_view name) {
  for (std::size_t i = 0; i < loss_type_names.size(); ++i)
    if (loss_type_names[i] == name) return static_cast<loss_type>(i + 1);
  return std::nullopt;
}

struct pairwise {
  struct term {
    loss_type type = loss_type::none;
    double weight = 1.0;
  };
  struct statistics {
    bco_pair::statistics bco;
    kto_pair::statistics kto;
  };

  term terms[4] = {{loss_type::sigmoid}};  ///< those that are none are left out
  double beta = 0.1;                       ///< of all terms
  double label_smoothing = 0.0;            ///< sigmoid, robust, exo_pair, aot, aot_unpaired
  divergence score = {};                   ///< sigmoid, hinge, ipo, exo_pair, robust, discopop, sigmoid_norm
  double discopop_tau = 0.05;
  double simpo_gamma = 1.0;
  double cpo_alpha = 1.0;
  bool bco_shift = false;
  double desirable_weight = 1.0, undesirable_weight = 1.0;  ///< kto_pair

  constexpr bool has(loss_type type) const {
    for (const term& t : terms)
      if (t.type == type) return true;
    return false;
  }
  constexpr bool needs_reference() const {
    for (const term& t : terms)
      if (t.type != loss_type::none && t.type != loss_type::sft && t.type != loss_type::simpo &&
          t.type != loss_type::orpo && t.type != loss_type::cpo)
        return true;
    return false;
  }
  constexpr bool needs_statistics() const {
    return (has(loss_type::bco_pair) && bco_shift) || has(loss_type::aot) || has(loss_type::aot_unpaired) ||
           has(loss_type::kto_pair);
  }

  /// What TRL's options cannot say together, or not at all; usage_error with the option and what to do.
  void check() const;

  void update(statistics& s, std::span<pair<double>> items) const {
    if (has(loss_type::bco_pair) && bco_shift) bco().update(s.bco, items);
    if (has(loss_type::kto_pair)) kto().update(s.kto, items);
    aot::statistics none;
    aot_unpaired::statistics neither;
    if (has(loss_type::aot)) aot{beta, label_smoothing}.update(none, items);
    if (has(loss_type::aot_unpaired)) aot_unpaired{beta, label_smoothing}.update(neither, items);
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
  CANDOR_HD S operator()(const pair<S>& y, const statistics& s) const {
    S sum(0);
    for (const term& t : terms)
      if (t.type != loss_type::none) sum += t.weight * loss(t.type, y, s);
    return sum;
  }

 private:
  CANDOR_HD bco_pair bco() const { return {.beta = beta, .shift = bco_shift}; }
  CANDOR_HD kto_pair kto() const {
    return {.beta = beta, .desirable_weight = desirable_weight, .undesirable_weight = undesirable_weight};
  }

  template <class S>
  CANDOR_HD S loss(loss_type type, const pair<S>& y, const statistics& s) const {
    switch (type) {
      case loss_type::sigmoid: return dpo{beta, label_smoothing, score}(y);
      case loss_type::hinge: return hinge{beta, score}(y);
      case loss_type::ipo: return ipo{beta, true, score}(y);
      case loss_type::exo_pair: return exo_pair{beta, label_smoothing, score}(y);
      case loss_type::nca_pair: return nca_pair{beta}(y);
      case loss_type::robust: return robust_dpo{beta, label_smoothing, score}(y);
      case loss_type::bco_pair: return bco()(y, s.bco);
      case loss_type::sppo_hard: return sppo_hard{beta}(y);
      case loss_type::aot: return aot{beta, label_smoothing}(y, {});
      case loss_type::aot_unpaired: return aot_unpaired{beta, label_smoothing}(y, {});
      case loss_type::apo_zero: return apo_zero{beta}(y);
      case loss_type::apo_down: return apo_down{beta}(y);
      case loss_type::discopop: return discopop{beta, discopop_tau, score}(y);
      case loss_type::sft: return sft{.average = sft_average::step}.term(y);
      case loss_type::sigmoid_norm: return sigmoid_norm{beta, score}(y);
      case loss_type::simpo: return simpo{beta, simpo_gamma}(y);
      case loss_type::orpo: return orpo{beta}(y);
      case loss_type::cpo: return cpo{beta, cpo_alpha}(y);
      case loss_type::kto_pair: return kto()(y, s.kto);
      case loss_type::none: break;
    }
    return S(0);
  }
};

inline void pairwise::check() const {
  bool any = false;
  for (const term& t : terms) any = any || t.type != loss_type::none;
  require<usage_error>(any, "[pairwise] no loss is named");
  require<usage_error>(beta > 0, "[pairwise] beta is ", beta, "; expected more than 0");
  require<usage_error>(label_smoothing >= 0 && label_smoothing < 0.5, "[pairwise] label smoothing is ",
                       label_smoothing, "; expected from 0 to below 0.5");
  require<usage_error>(!has(loss_type::exo_pair) || label_smoothing > 0,
                       "[pairwise] exo_pair is infinite without label smoothing; its paper has 1e-3");
  require<usage_error>(!has(loss_type::discopop) || discopop_tau > 0, "[pairwise] discopop's tau is ",
                       discopop_tau, "; expected more than 0");
  require<usage_error>(!has(loss_type::aot) || !has(loss_type::aot_unpaired),
                       "[pairwise] aot and aot_unpaired sort the same items differently: use one of them");
}

}  // namespace CANDOR_NS
