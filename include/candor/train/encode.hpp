// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A preference record as the cells that an objective declares, with the token weights that it asks for.

#include <candor/data/preference_data.hpp>
#include <candor/model/processor.hpp>
#include <candor/objective/objective.hpp>
#include <candor/text/align.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// The options of text/align.hpp that an objective's declaration means.
inline dense_weight_options dense_options(const token_weights& wanted) {
  return {.gamma = wanted.gamma,
          .scope = wanted.whole_sequence ? change_scope::full : change_scope::answer,
          .changes = {.min_match = static_cast<std::size_t>(wanted.min_match),
                      .autojunk = wanted.autojunk,
                      .weight_insertions = wanted.weight_insertions}};
}

/// The token weights of the answers of two branches, one answer after the other; turns after the first answers are
/// compared one by one, and what has no counterpart weighs 1.
inline std::vector<std::vector<float>> changed_weights(const encoded_branches& branches, const dense_weight_options& options) {
  const auto answers_of = [&](std::size_t branch) {
    std::vector<const segment_tokens*> out{&branches.answers[branch]};
    for (const auto& part : branches.later[branch])
      if (part.answer) out.push_back(&part);
    return out;
  };
  const auto chosen = answers_of(0), rejected = answers_of(1);
  std::vector<std::vector<float>> weights(2);
  const auto append = [&](std::size_t branch, std::vector<float> more) {
    weights[branch].insert(weights[branch].end(), more.begin(), more.end());
  };
  const auto ones = [](const segment_tokens& part) { return std::vector<float>(part.ids.size(), 1.0f); };
  for (std::size_t i = 0; i < std::max(chosen.size(), rejected.size()); ++i) {
    if (i >= chosen.size() || i >= rejected.size()) {
      i < chosen.size() ? append(0, ones(*chosen[i])) : append(1, ones(*rejected[i]));
      continue;
    }
    auto dense = weigh_changes(chosen[i]->ids, rejected[i]->ids, options, branches.stem.ids());
    append(0, std::move(dense.chosen));
    append(1, std::move(dense.rejected));
  }
  return weights;
}

/// Chosen is branch 0, rejected branch 1. Only the branches that the objective scores are computed.
template <class Objective>
forest preference_tree(const processor& p, const preference_record& record, const Objective& loss) {
  int branches = 0;
  for (const cell_place& place : places_of<Objective>()) {
    require<usage_error>(place.branch < 2 && place.image.empty(), "this objective scores branch ", place.branch, " under image '",
                         place.image, "', but preference records have two answers and one picture");
    branches = std::max(branches, place.branch + 1);
  }
  std::vector<dialog_path> paths{{record.chosen, record.chosen_later}, {record.rejected, record.rejected_later}};
  paths.resize(static_cast<std::size_t>(branches));
  require<input_error>(branches < 2 || !record.rejected.empty(), record.source,
                       ": the record has no rejected answer, which this objective needs");
  const auto encoded = p.encode(record.earlier, record.question, paths, record.images.size(), record.source);
  std::vector<std::vector<float>> weights;
  const token_weights wanted = token_weights_of(loss);
  if (wanted.gamma != 1.0 && branches == 2) weights = changed_weights(encoded, dense_options(wanted));
  forest tree = p.tree(encoded, weights, record.score_earlier);
  const auto by_branch = std::move(tree.cells);
  tree.cells.clear();
  for (const cell_place& place : places_of<Objective>()) tree.cells.push_back(by_branch[static_cast<std::size_t>(place.branch)]);
  return tree;
}

}  // namespace CANDOR_NS
