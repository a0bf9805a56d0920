// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What an objective sees of one item: its cells, each a scored path "stem, then branch". A cell holds the
/// weighted sum of the token log-probs under policy and reference, in nats, with its counts.

#include <candor/core/config.hpp>

#include <string_view>

namespace CANDOR_NS {

/// Where a cell lies. Cells with the same image share one stem.
struct cell_place {
  int branch = 0;  ///< which of the record's answers: 0 chosen, 1 rejected, then others in order
  std::string_view image =
      {};  ///< empty: the record's image; else the name of a variant, such as "distorted"
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

  CANDOR_HD constexpr void set_ratios() {
    chosen = cells[0].ratio();
    if constexpr (Cells > 1) rejected = cells[1].ratio();
  }
};

}  // namespace CANDOR_NS
