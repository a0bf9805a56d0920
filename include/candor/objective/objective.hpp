// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What an objective is: a plain struct of options with
///   template <class S> CANDOR_HD S operator()(const pair<S>& y) const;   // the loss of one item, nats
/// which is only ever called with dual numbers. It may further declare
///   static constexpr cell_place cells[]          the places it needs            default: chosen and rejected
///     or std::array<cell_place, N> places() const, where options decide
///   static constexpr bool needs_reference        whether it reads references    default: true
///     or bool needs_reference() const, where options decide
///   double beta                                  nats to reward                 default: 1
///   template <class S> S reward(const cell<S>&)  the implicit reward            default: beta * ratio
///   token_weights token_weighting() const        weights of the tokens          default: all 1
///   struct statistics                            state over the batch           default: none
///   bool needs_kl(int cell) const                whether a cell has `kl`        default: false
///   bool needs_confidence() const                whether cells have `confidence`
///   bool needs_margin() const                    whether items have `margin`
///   bool needs_mismatched() const                whether branch 2 is the chosen answer to another question
/// With statistics it is called as operator()(y, statistics) and has
///   void update(statistics&, std::span<pair<double, cells>> items) const;
/// which sees the items of a whole optimizer step, gradient stopped, once before the step's losses; it may
/// sort them, keep running means, and leave two numbers for each item in `given`. The state goes into
/// checkpoints, so it is trivially copyable. It costs a forward pass over the step: with
///   bool needs_statistics() const
/// an objective whose options do without them says so, and `update` is not called. With
///   int smallest_batch() const
/// it says how many items they must be of (default: 1), so that a run with fewer is refused when it begins.

#include <candor/core/config.hpp>
#include <candor/core/dual.hpp>
#include <candor/objective/pair.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace CANDOR_NS {

/// The token weights that an objective asks the data side for: gamma on tokens that differ between chosen and
/// rejected, 1 on the others (text/align.hpp has the rules).
struct token_weights {
  double gamma = 1.0;              ///< 1: all tokens weigh the same, nothing is compared
  bool whole_sequence = false;     ///< compare prompt and answer together, else the answers alone
  int min_match = 3;               ///< shorter equal runs belong to the change around them
  bool autojunk = true;            ///< difflib's rule for frequent tokens
  bool weight_insertions = false;  ///< also weigh what only one of the two answers has
  double ld_alpha = 1.0;  ///< times this beyond the length of the shorter answer; 0 leaves those tokens out
};

/// Stands for "no statistics".
struct no_statistics {};

namespace detail {

template <class O>
consteval int declared_cells() {
  if constexpr (requires(const O& o) { o.places(); })
    return static_cast<int>(std::tuple_size_v<decltype(std::declval<const O&>().places())>);
  else if constexpr (requires { O::cells; })
    return static_cast<int>(std::size(O::cells));
  else
    return static_cast<int>(std::size(chosen_and_rejected));
}

template <class O>
struct statistics_of {
  using type = no_statistics;
};
template <class O>
requires requires { typename O::statistics; }
struct statistics_of<O> {
  using type = typename O::statistics;
};

}  // namespace detail

/// How many cells an item of this objective has.
template <class O>
inline constexpr int cells_in = detail::declared_cells<O>();

/// The places of these cells.
template <class O>
constexpr std::array<cell_place, static_cast<std::size_t>(cells_in<O>)> places_of(const O& objective) {
  std::array<cell_place, static_cast<std::size_t>(cells_in<O>)> places;
  if constexpr (requires { objective.places(); })
    places = objective.places();
  else if constexpr (requires { O::cells; })
    std::copy(std::begin(O::cells), std::end(O::cells), places.begin());
  else
    std::copy(std::begin(chosen_and_rejected), std::end(chosen_and_rejected), places.begin());
  return places;
}

/// The first cell in which the policy scores the chosen answer under another image: what the answer's reward
/// is compared with to see whether the image is used. -1: there is none.
constexpr int imageless_cell(std::span<const cell_place> places) {
  for (std::size_t c = 0; c < places.size(); ++c)
    if (places[c].branch == 0 && !places[c].image.empty() && !places[c].picks() && places[c].policy)
      return static_cast<int>(c);
  return -1;
}

/// Whether reference log-probs are read.
template <class O>
constexpr bool reads_reference(const O& objective) {
  if constexpr (requires { objective.needs_reference(); })
    return objective.needs_reference();
  else if constexpr (requires { O::needs_reference; })
    return O::needs_reference;
  else
    return true;
}

template <class O>
using statistics_t = typename detail::statistics_of<O>::type;
template <class O>
inline constexpr bool has_statistics = !std::is_same_v<statistics_t<O>, no_statistics>;

/// Whether `update` is to be called before a step.
template <class O>
constexpr bool reads_statistics(const O& objective) {
  if constexpr (requires { objective.needs_statistics(); })
    return objective.needs_statistics();
  else
    return has_statistics<O>;
}

/// The fewest items of an optimizer step that the objective can be taken over.
template <class O>
constexpr int smallest_batch(const O& objective) {
  if constexpr (requires { objective.smallest_batch(); })
    return objective.smallest_batch();
  else
    return 1;
}

/// Whether an objective may read the divergence from the reference, whether this one does in a cell, and
/// whether in any.
template <class O>
inline constexpr bool has_kl = requires(const O& o) {
  o.needs_kl(0);
};
template <class O>
constexpr bool reads_kl(const O& objective, int cell) {
  if constexpr (has_kl<O>)
    return objective.needs_kl(cell);
  else
    return false;
}
template <class O>
constexpr bool reads_kl(const O& objective) {
  for (int c = 0; c < cells_in<O>; ++c)
    if (reads_kl(objective, c)) return true;
  return false;
}
template <class O>
constexpr bool reads_confidence(const O& objective) {
  if constexpr (requires { objective.needs_confidence(); })
    return objective.needs_confidence();
  else
    return false;
}
template <class O>
constexpr bool reads_margin(const O& objective) {
  if constexpr (requires { objective.needs_margin(); })
    return objective.needs_margin();
  else
    return false;
}
template <class O>
constexpr bool reads_mismatched(const O& objective) {
  if constexpr (requires { objective.needs_mismatched(); })
    return objective.needs_mismatched();
  else
    return false;
}

/// Derivatives of an item's loss: for each cell's sum and, behind these, for each cell's divergence.
template <class O>
inline constexpr int derivatives_in = has_kl<O> ? 2 * cells_in<O> : cells_in<O>;

/// The number type with which an objective is called.
template <class O, class Value = double>
using objective_scalar = dual<Value, derivatives_in<O>>;

namespace detail {

template <class O, class S>
inline constexpr bool callable = [] {
  if constexpr (has_statistics<O>)
    return std::is_invocable_r_v<S, const O&, const pair<S, cells_in<O>>&, const statistics_t<O>&>;
  else
    return std::is_invocable_r_v<S, const O&, const pair<S, cells_in<O>>&>;
}();

}  // namespace detail

/// What `objective_program` and the trainer take.
template <class O>
concept objective = std::is_trivially_copyable_v<O> && detail::callable<O, objective_scalar<O>>;

/// Says in words what a type lacks to be an objective.
template <class O>
consteval bool check_objective() {
  static_assert(
      std::is_trivially_copyable_v<O>,
      "an objective is copied to the device: keep plain numbers in it, no pointers to what it owns");
  static_assert(cells_in<O> >= 1, "`cells` must list at least one {branch, image}");
  static_assert(
      has_kl<O> || !requires { &O::needs_kl; },
      "an objective that reads the divergence from the reference needs `bool needs_kl(int cell) const`");
  static_assert(
      std::is_trivially_copyable_v<statistics_t<O>>,
      "the statistics of an objective go into checkpoints as bytes: keep plain numbers in the struct");
  static_assert(
      has_statistics<O> || detail::callable<O, objective_scalar<O>>,
      "an objective needs `template <class S> CANDOR_HD S operator()(const pair<S>& y) const`, with "
      "`pair<S, n>` where it declares n cells; S is a dual number: call max, log_sigmoid, softplus without "
      "std::, and write constants as S(0) where both operands of a function would be constants");
  static_assert(
      !has_statistics<O> || detail::callable<O, objective_scalar<O>>,
      "an objective that declares `statistics` needs `template <class S> CANDOR_HD S operator()(const "
      "pair<S>& y, const statistics& s) const`");
  if constexpr (has_statistics<O>)
    static_assert(
        requires(const O& o, statistics_t<O>& s, std::span<pair<double, cells_in<O>>> items) {
          o.update(s, items);
        },
        "an objective that declares `statistics` needs `void update(statistics&, std::span<pair<double>> "
        "items) const`, "
        "with `pair<double, n>` where it declares n cells");
  return true;
}

/// The token weights that the objective asks for.
template <class O>
constexpr token_weights token_weights_of(const O& objective) {
  if constexpr (requires { objective.token_weighting(); })
    return objective.token_weighting();
  else
    return {};
}

/// The implicit reward of a cell as metrics show it: beta (log pi - log pi_ref).
template <class O, class S>
CANDOR_HD constexpr S reward_of(const O& objective, const cell<S>& c) {
  if constexpr (requires { objective.reward(c); })
    return objective.reward(c);
  else if constexpr (requires { objective.beta; })
    return objective.beta * c.ratio();
  else
    return c.ratio();
}

/// The loss of one item; `statistics` is ignored by objectives without.
template <class O, class S>
CANDOR_HD constexpr S loss_of(const O& objective, const pair<S, cells_in<O>>& y,
                              const statistics_t<O>& statistics = {}) {
  if constexpr (has_statistics<O>)
    return objective(y, statistics);
  else
    return objective(y);
}

}  // namespace CANDOR_NS
