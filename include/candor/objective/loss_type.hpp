// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The pairwise losses that are chosen at run time: their names, which are TRL's, and what each of them
/// reads.

#include <candor/core/config.hpp>

#include <array>
#include <cstddef>
#include <optional>
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
  kto_pair,
  kto
};

/// What a loss reads, as bits.
namespace loss_reads {
inline constexpr unsigned reference = 1;   ///< log-ratios to the reference
inline constexpr unsigned divergence = 2;  ///< `f_divergence_type`
inline constexpr unsigned smoothing = 4;   ///< `label_smoothing`
inline constexpr unsigned ranks = 8;       ///< the order of the step's answers, apart from their pairs
}  // namespace loss_reads

struct loss_entry {
  loss_type type;
  std::string_view name;
  unsigned reads;
};

namespace detail {

consteval auto make_loss_table() {
  using loss_reads::divergence, loss_reads::ranks, loss_reads::reference, loss_reads::smoothing;
  return std::to_array<loss_entry>({
      {loss_type::none, "none", 0},
      {loss_type::sigmoid, "sigmoid", reference | divergence | smoothing},
      {loss_type::hinge, "hinge", reference | divergence},
      {loss_type::ipo, "ipo", reference | divergence},
      {loss_type::exo_pair, "exo_pair", reference | divergence | smoothing},
      {loss_type::nca_pair, "nca_pair", reference},
      {loss_type::robust, "robust", reference | divergence | smoothing},
      {loss_type::bco_pair, "bco_pair", reference},
      {loss_type::sppo_hard, "sppo_hard", reference},
      {loss_type::aot, "aot", reference | smoothing | ranks},
      {loss_type::aot_unpaired, "aot_unpaired", reference | smoothing | ranks},
      {loss_type::apo_zero, "apo_zero", reference},
      {loss_type::apo_down, "apo_down", reference},
      {loss_type::discopop, "discopop", reference | divergence},
      {loss_type::sft, "sft", 0},
      {loss_type::sigmoid_norm, "sigmoid_norm", reference | divergence},
      {loss_type::simpo, "simpo", 0},
      {loss_type::orpo, "orpo", 0},
      {loss_type::cpo, "cpo", 0},
      {loss_type::kto_pair, "kto_pair", reference},
      {loss_type::kto, "kto", reference},
  });
}

}  // namespace detail

/// In the order of loss_type.
inline constexpr auto loss_table = detail::make_loss_table();

constexpr const loss_entry& entry_of(loss_type type) { return loss_table[static_cast<std::size_t>(type)]; }
constexpr std::string_view name_of(loss_type type) { return entry_of(type).name; }
constexpr std::optional<loss_type> loss_type_named(std::string_view name) {
  for (const loss_entry& entry : loss_table)
    if (entry.name == name && entry.type != loss_type::none) return entry.type;
  return std::nullopt;
}

namespace detail {

consteval bool loss_table_is_in_order() {
  std::size_t i = 0;
  for (const loss_entry& entry : loss_table)
    if (static_cast<std::size_t>(entry.type) != i++) return false;
  return i == static_cast<std::size_t>(loss_type::kto) + 1;
}
static_assert(loss_table_is_in_order());

}  // namespace detail

}  // namespace CANDOR_NS
