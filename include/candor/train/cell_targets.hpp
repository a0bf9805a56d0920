// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which of an objective's cells a model computes, and the tokens that cells score which pick their own: the
/// model's most likely token at each place of an answer, under some image, teacher-forced on the answer
/// (POVID's stage 2, Zhou et al. 2024, arXiv 2402.11411).

#include <candor/model/scoring.hpp>
#include <candor/objective/pair.hpp>
#include <candor/train/variant_forest.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// The work that cells mean. Cell numbers are those of the objective; `source` is the cell of the record's
/// forest whose rows pick the tokens (train/encode.hpp).
struct cell_plan {
  struct pick {
    std::int32_t cell = 0, source = 0;
    bool except_own = false;      ///< the answer's own token is not picked
    bool reference_picks = true;  ///< the reference scores its own picks
  };

  explicit cell_plan(std::span<const cell_place> places) : cells(static_cast<std::int32_t>(places.size())) {
    for (std::int32_t c = 0; c < cells; ++c) {
      const cell_place& place = places[static_cast<std::size_t>(c)];
      if (!place.used()) continue;
      reference.push_back(c);
      if (place.policy) policy.push_back(c);
      if (place.picks())
        picks.push_back({c, cells + static_cast<std::int32_t>(picks.size()),
                         place.tokens == token_source::second_best, place.reference_picks});
    }
  }

  /// Whether policy and reference score all of a record's forest, so that it is taken as it is.
  bool whole() const { return picks.empty() && policy.size() == reference.size(); }
  /// Whether the reference scores tokens of the policy, which change from step to step.
  bool follows_policy() const {
    return std::any_of(picks.begin(), picks.end(), [](const pick& p) { return !p.reference_picks; });
  }

  std::int32_t cells;
  std::vector<std::int32_t> policy, reference;  ///< cells that each of them scores
  std::vector<pick> picks;
};

/// Vocabulary ids by record, pick of the plan, and scored token.
using picked_tokens = std::vector<std::vector<std::vector<std::int32_t>>>;

/// The tokens that a model picks. numeric_error where its logits are NaN. `seen`: the tower's output for the
/// records.
template <class B, class T>
picked_tokens pick_tokens(llava_network<B, T>& network, std::span<const encoded_record* const> records,
                          const cell_plan& plan, const scoring_options& options,
                          const tower_cache<B, T>* seen = nullptr) {
  picked_tokens picked(records.size(), std::vector<std::vector<std::int32_t>>(plan.picks.size()));
  if (plan.picks.empty()) return picked;
  std::vector<std::int32_t> sources;
  for (const auto& pick : plan.picks) sources.push_back(pick.source);
  std::vector<encoded_record> parts;
  for (const auto* record : records) parts.push_back(part_of(*record, sources));
  std::vector<const encoded_record*> pointers;
  for (const auto& part : parts) pointers.push_back(&part);
  for (const auto& batch : pack(trees_of(pointers), options.packing)) {
    std::vector<std::int32_t> excluded;
    for (const scored_token& s : batch.scored) {
      const auto& pick = plan.picks[static_cast<std::size_t>(s.cell - plan.cells)];
      excluded.push_back(pick.except_own ? s.token : -1);
    }
    tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
    const forward_context<B> context{.tape = quiet, .adapters = options.adapters};
    const auto best = network.best_tokens(
        context, batch,
        pass_features(network, context, batch, std::span<const encoded_record* const>(pointers), seen),
        excluded);
    for (std::size_t n = 0; n < best.size(); ++n) {
      const scored_token& s = batch.scored[n];
      require<numeric_error>(best[n] >= 0, "[pick_tokens] the logits of a token of cell ",
                             s.cell - plan.cells,
                             " are not numbers; the weights are damaged, or overflow in this element type");
      auto& tokens =
          picked[static_cast<std::size_t>(s.forest)][static_cast<std::size_t>(s.cell - plan.cells)];
      if (tokens.size() <= static_cast<std::size_t>(s.place))
        tokens.resize(static_cast<std::size_t>(s.place) + 1);
      tokens[static_cast<std::size_t>(s.place)] = best[n];
    }
  }
  return picked;
}

/// Replaces the targets of a cell's scored tokens, in order.
inline void set_targets(forest& tree, std::int32_t cell, std::span<const std::int32_t> tokens) {
  std::size_t place = 0;
  for (scored_run& run : tree.cells[static_cast<std::size_t>(cell)]) {
    run.targets = tree.segments[static_cast<std::size_t>(run.segment)].tokens;
    for (std::size_t i = 0; i < run.targets.size(); ++i)
      if (run.weights.empty() || run.weights[i] != 0.0f) run.targets[i] = tokens[place++];
  }
}

/// Records as a model scores them: these cells alone, each with the tokens that were picked for it.
class cell_view {
 public:
  cell_view(std::span<const encoded_record* const> records, const cell_plan& plan,
            std::span<const std::int32_t> cells, const picked_tokens& picked) {
    records_.assign(records.begin(), records.end());
    if (plan.whole()) return;
    for (std::size_t r = 0; r < records.size(); ++r) {
      encoded_record part = part_of(*records[r], cells);
      for (std::size_t k = 0; k < plan.picks.size(); ++k)
        if (std::find(cells.begin(), cells.end(), plan.picks[k].cell) != cells.end())
          set_targets(part.tree, plan.picks[k].cell, picked[r][k]);
      parts_.push_back(std::move(part));
    }
    for (std::size_t r = 0; r < parts_.size(); ++r) records_[r] = &parts_[r];
  }
  cell_view(const cell_view&) = delete;
  cell_view& operator=(const cell_view&) = delete;

  std::span<const encoded_record* const> records() const { return records_; }

 private:
  std::vector<encoded_record> parts_;
  std::vector<const encoded_record*> records_;
};

/// Log-probs in nats of the cells that a reference scores, with its own picks: result[record][cell][place].
template <class B, class T>
std::vector<std::vector<std::vector<float>>> score_cells(llava_network<B, T>& network,
                                                         std::span<const encoded_record* const> records,
                                                         const cell_plan& plan,
                                                         const scoring_options& options) {
  std::optional<tower_cache<B, T>> seen;
  if (!plan.picks.empty()) seen = encode_once(network, records, options.packing);
  const auto* known = seen ? &*seen : nullptr;
  const cell_view view(records, plan, plan.reference, pick_tokens(network, records, plan, options, known));
  auto scores = score(network, view.records(), options, known);
  for (auto& record : scores) record.resize(static_cast<std::size_t>(plan.cells));
  return scores;
}

}  // namespace CANDOR_NS
