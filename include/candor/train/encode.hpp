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

/// Chosen is branch 0, rejected branch 1. Only the branches that the objective scores are computed.
template <class Objective>
forest preference_tree(const processor& p, const preference_record& record, const Objective& loss) {
  int branches = 0;
  for (const cell_place& place : places_of<Objective>()) {
    require<usage_error>(place.branch < 2 && place.image.empty(), "this objective scores branch ", place.branch, " under image '",
                         place.image, "', but preference records have two answers and one picture");
    branches = std::max(branches, place.branch + 1);
  }
  std::vector<std::string> answers{record.chosen, record.rejected};
  answers.resize(static_cast<std::size_t>(branches));
  const auto encoded = p.encode(record.question, answers, record.images.size(), record.source);
  std::vector<std::vector<float>> weights;
  const token_weights wanted = token_weights_of(loss);
  if (wanted.gamma != 1.0 && branches == 2) {
    auto dense = weigh_changes(encoded.answers[0].ids, encoded.answers[1].ids, dense_options(wanted), encoded.stem.ids());
    weights = {std::move(dense.chosen), std::move(dense.rejected)};
  }
  forest tree = p.tree(encoded, weights);
  const auto by_branch = std::move(tree.cells);
  tree.cells.clear();
  for (const cell_place& place : places_of<Objective>()) tree.cells.push_back(by_branch[static_cast<std::size_t>(place.branch)]);
  return tree;
}

}  // namespace CANDOR_NS
