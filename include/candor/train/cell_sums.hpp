// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a step adds up: the sums of its records' cells, and what it says about its pairs.

#include <candor/core/error.hpp>
#include <candor/data/pack.hpp>
#include <candor/model/scoring.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace CANDOR_NS {

/// What a step says about its pairs; sums over pairs.
struct step_values {
  double loss = 0, reward_chosen = 0, reward_rejected = 0;
  double correct = 0;                                 ///< pairs whose chosen answer has the larger reward
  double log_prob_chosen = 0, log_prob_rejected = 0;  ///< unweighted, nats
  double imageless_margin = 0;   ///< reward of the chosen answer, less its reward under another image
  double imageless_correct = 0;  ///< pairs whose chosen answer has the larger reward under its own image
  double imageless_pairs = 0;    ///< pairs that are scored under another image
  double kl_chosen = 0, kl_rejected = 0;  ///< divergence from the reference over the answers' tokens, nats
  double pairs = 0, tokens = 0;

  void add(const step_values& other) {
    loss += other.loss;
    reward_chosen += other.reward_chosen;
    reward_rejected += other.reward_rejected;
    correct += other.correct;
    log_prob_chosen += other.log_prob_chosen;
    log_prob_rejected += other.log_prob_rejected;
    imageless_margin += other.imageless_margin;
    imageless_correct += other.imageless_correct;
    imageless_pairs += other.imageless_pairs;
    kl_chosen += other.kl_chosen;
    kl_rejected += other.kl_rejected;
    pairs += other.pairs;
    tokens += other.tokens;
  }
};

/// The head rows of a pass at which an objective reads the divergence from the reference.
struct divergence_rows {
  struct use {
    std::size_t row, sum;  ///< of `rows`; of cell_sums
  };
  std::vector<std::int32_t> rows;  ///< (K) of the pass's head rows, ascending
  std::vector<use> uses;           ///< a row counts for every scored token that it predicts
};

/// Sums of the cells of a step's records, (records, C) each: those of record r's cell c stand at r C + c.
struct cell_sums {
  /// Counts scored tokens, and adds up the reference's log-probs [record][cell][place] where there are any.
  cell_sums(std::span<const encoded_record* const> records, int cells_per_record,
            const std::vector<std::vector<std::span<const float>>>& table)
      : sums(records.size() * static_cast<std::size_t>(cells_per_record)),
        references(sums.size()),
        plain(sums.size()),
        kls(sums.size()),
        confidence(sums.size()),
        tokens(sums.size()),
        weights(sums.size()),
        cells(static_cast<std::size_t>(cells_per_record)) {
    for (const auto* record : records) margins.push_back(record->margin);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const forest& tree = records[i / cells]->tree;
      std::span<const float> reference;
      if (!table.empty()) reference = table[i / cells][i % cells];
      std::size_t place = 0;
      for (const scored_run& run : tree.cells[i % cells])
        for (std::size_t t = 0; t < tree.segments[static_cast<std::size_t>(run.segment)].tokens.size(); ++t) {
          const float weight = run.weights.empty() ? 1.0f : run.weights[t];
          if (weight == 0.0f) continue;
          tokens[i] += 1.0f;
          weights[i] += weight;
          if (table.empty()) continue;
          require<input_error>(place < reference.size(), "[reference] cell ", i % cells, " of a record has ",
                               reference.size(), " reference log-probs, but a token ", place + 1,
                               " that is scored");
          references[i] += static_cast<double>(reference[place++]) * static_cast<double>(weight);
        }
    }
  }

  template <class A>
  void add_policy(const packed_batch& batch, const std::vector<A>& log_probs) {
    for (std::size_t n = 0; n < log_probs.size(); ++n) {
      const scored_token& t = batch.scored[n];
      const std::size_t i = static_cast<std::size_t>(t.forest) * cells + static_cast<std::size_t>(t.cell);
      sums[i] += static_cast<double>(log_probs[n]) * static_cast<double>(t.weight);
      plain[i] += static_cast<double>(log_probs[n]);
    }
  }
  template <class A>
  void add_reference(const packed_batch& batch, const std::vector<A>& log_probs) {
    for (std::size_t n = 0; n < log_probs.size(); ++n) {
      const scored_token& t = batch.scored[n];
      references[static_cast<std::size_t>(t.forest) * cells + static_cast<std::size_t>(t.cell)] +=
          static_cast<double>(log_probs[n]) * static_cast<double>(t.weight);
    }
  }

  /// Adds what WPO weighs answers by, from log sum_v p_v^2 of the pass's head rows.
  template <class A>
  void add_confidence(const packed_batch& batch, const std::vector<A>& log_probs,
                      const std::vector<A>& log_squares) {
    for_targets(batch, [&](std::size_t row, std::size_t n, std::size_t i) {
      confidence[i] += static_cast<double>(log_probs[n] - log_squares[row]) / static_cast<double>(tokens[i]);
    });
  }
  /// The rows of a pass that predict scored tokens of the cells of which `reads(cell)` is true.
  template <class Reads>
  divergence_rows rows_of_kl(const packed_batch& batch, Reads reads) const {
    divergence_rows out;
    for_targets(batch, [&](std::size_t row, std::size_t n, std::size_t i) {
      if (!reads(batch.scored[n].cell)) return;
      const auto head_row = static_cast<std::int32_t>(row);
      if (out.rows.empty() || out.rows.back() != head_row) out.rows.push_back(head_row);
      out.uses.push_back({out.rows.size() - 1, i});
    });
    return out;
  }
  /// Adds the divergence from the reference, (K).
  template <class A>
  void add_kl(const divergence_rows& there, const std::vector<A>& kl) {
    for (const auto& use : there.uses) kls[use.sum] += static_cast<double>(kl[use.row]);
  }
  /// visit(head row, scored token, place in these arrays) for all scored tokens of a pass.
  template <class Visit>
  void for_targets(const packed_batch& batch, Visit visit) const {
    for (std::size_t row = 0; row + 1 < batch.targets.starts.size(); ++row)
      for (auto n = static_cast<std::size_t>(batch.targets.starts[row]);
           n < static_cast<std::size_t>(batch.targets.starts[row + 1]); ++n) {
        const scored_token& t = batch.scored[n];
        visit(row, n, static_cast<std::size_t>(t.forest) * cells + static_cast<std::size_t>(t.cell));
      }
  }

  /// Scored tokens of cell 0, mean over the records.
  double mean_tokens() const {
    double all = 0;
    for (std::size_t i = 0; i < tokens.size(); i += cells) all += static_cast<double>(tokens[i]);
    return all / static_cast<double>(tokens.size() / cells);
  }

  std::vector<double> sums, references, plain;  ///< weighted under policy and reference; unweighted
  std::vector<double> kls, confidence;          ///< where the objective reads them, else 0
  std::vector<float> tokens, weights;
  std::vector<double> margins;  ///< (records)
  std::size_t cells;            ///< C
};

}  // namespace CANDOR_NS
