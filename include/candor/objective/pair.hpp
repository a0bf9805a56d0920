// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What an objective sees of one item: its cells, each a scored path "stem, then branch". A cell holds the
/// weighted sum of the token log-probs under policy and reference, in nats, with its counts.

#include <candor/core/config.hpp>

#include <cstdint>
#include <string_view>

namespace CANDOR_NS {

/// Which tokens a cell scores at the places of its answer's tokens.
enum class token_source : std::uint8_t {
  own,         ///< the answer's
  argmax,      ///< the model's most likely ones, teacher-forced on the answer (POVID's stage 2)
  second_best  ///< its most likely ones other than the answer's
};

/// Where a cell lies, and who scores what there. Cells with the same image share one stem.
struct cell_place {
  int branch =
      0;  ///< which of the record's answers: 0 chosen, 1 rejected, then others in order; -1: not used
  std::string_view image = {};  ///< empty: the record's; else a variant's name, such as "distorted"
  token_source tokens = token_source::own;  ///< what is scored
  std::string_view tokens_image = {};  ///< the image under which other tokens than the answer's are picked
  bool reference_picks = true;  ///< the reference scores its own picks, as published; else the policy's
  bool policy = true;           ///< false: the reference alone scores the cell, and its sum stays 0

  constexpr bool used() const { return branch >= 0; }
  constexpr bool picks() const { return used() && tokens != token_source::own; }
};

/// An objective with more cells gives its own list: `static constexpr cell_place cells[] = {{0}, {1}, {0,
/// "distorted"}};` and takes a `pair<S, 3>`.
inline constexpr cell_place chosen_and_rejected[] = {{0}, {1}};

/// One scored path. `S` is a dual number in objectives and double in statistics.
template <class S>
struct cell {
  S sum = 0;             ///< sum_t w_t log pi(y_t | y_<t, x), nats
  double reference = 0;  ///< the same sum under the reference
  double tokens = 0;     ///< scored tokens, `</s>` included
  double weight = 0;     ///< sum_t w_t; equals `tokens` where all weights are 1
  S kl = 0;              ///< sum_t KL(ref || pi) over the vocabulary, nats; 0 unless the objective reads it
  /// mean_t (log pi(y_t) - log sum_v pi(v)^2), nats, gradient stopped: how likely the policy finds the answer
  /// beside what it would say itself (WPO, arXiv 2406.11827); 0 unless the objective reads it.
  double confidence = 0;

  /// log pi - log pi_ref, nats.
  CANDOR_HD constexpr S ratio() const { return sum - reference; }
};

/// One item. `chosen` and `rejected` are the log-ratios of cells 0 and 1, nats.
template <class S, int Cells = 2>
struct pair {
  static constexpr int size = Cells;

  cell<S> cells[Cells];
  S chosen = 0, rejected = 0;
  double given[2] = {};    ///< what the objective's statistics wrote for this item, else 0
  double mean_tokens = 0;  ///< scored tokens of cell 0, mean over the items of the optimizer step
  double margin =
      0;  ///< how much better the record says the chosen answer is; 0 unless the objective reads it

  CANDOR_HD constexpr void set_ratios() {
    chosen = cells[0].ratio();
    if constexpr (Cells > 1) rejected = cells[1].ratio();
  }

  /// The item of the first cells alone, as an objective with fewer of them takes it.
  template <int First>
  CANDOR_HD constexpr pair<S, First> first() const {
    static_assert(First <= Cells);
    pair<S, First> out;
    for (int c = 0; c < First; ++c) out.cells[c] = cells[c];
    out.chosen = chosen;
    if constexpr (First > 1) out.rejected = rejected;
    for (int g = 0; g < 2; ++g) out.given[g] = given[g];
    out.mean_tokens = mean_tokens;
    out.margin = margin;
    return out;
  }
};

}  // namespace CANDOR_NS
