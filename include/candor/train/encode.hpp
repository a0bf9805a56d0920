// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A preference record as the cells that an objective declares, with the token weights that it asks for.

#include <candor/data/preference_data.hpp>
#include <candor/model/processor.hpp>
#include <candor/objective/objective.hpp>
#include <candor/text/align.hpp>
#include <candor/train/image_variants.hpp>
#include <candor/train/variant_forest.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
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

/// The token weights of the answers of two branches, one answer after the other; turns after the first
/// answers are compared one by one, and what has no counterpart weighs 1.
inline std::vector<std::vector<float>> changed_weights(const encoded_branches& branches,
                                                       const dense_weight_options& options) {
  const auto answers_of = [&](std::size_t branch) {
    std::vector<const segment_tokens*> out{&branches.answers[branch]};
    for (const auto& part : branches.later[branch])
      if (part.answer) out.push_back(&part);
    return out;
  };
  const auto chosen = answers_of(0), rejected = answers_of(1);
  std::vector<std::vector<float>> weights(branches.answers.size());
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
  for (std::size_t other = 2; other < weights.size(); ++other) append(other, ones(branches.answers[other]));
  return weights;
}

/// LD-DPO (Liu et al. 2024, arXiv 2409.06411): the tokens of chosen and rejected answer that lie beyond the
/// length of the other weigh alpha times what they did. Branches without weights are given ones first.
inline void discount_length(const encoded_branches& branches, double alpha,
                            std::vector<std::vector<float>>& weights) {
  weights.resize(branches.answers.size());
  for (std::size_t b = 0; b < weights.size(); ++b) {
    if (!weights[b].empty()) continue;
    std::size_t tokens = branches.answers[b].ids.size();
    for (const auto& part : branches.later[b]) tokens += part.answer ? part.ids.size() : 0;
    weights[b].assign(tokens, 1.0f);
  }
  const std::size_t shared = std::min(weights[0].size(), weights[1].size());
  for (std::size_t b = 0; b < 2; ++b)
    for (std::size_t i = shared; i < weights[b].size(); ++i) weights[b][i] *= static_cast<float>(alpha);
}

/// Whether two records put the same question to the same pictures.
inline bool same_prompt(const preference_record& a, const preference_record& b) {
  const auto same_turn = [](const turn& x, const turn& y) {
    return x.user == y.user && x.assistant == y.assistant;
  };
  return a.question == b.question &&
         std::equal(a.earlier.begin(), a.earlier.end(), b.earlier.begin(), b.earlier.end(), same_turn) &&
         std::equal(a.images.begin(), a.images.end(), b.images.begin(), b.images.end(), same_picture);
}

/// input_error where the record says no margin and the objective reads one.
template <class Objective>
void require_margin(const preference_record& record, const Objective& loss) {
  require<input_error>(
      !reads_margin(loss) || std::isfinite(record.margin), record.source,
      ": the record has no `margin`, by which this objective scales beta; give each a number");
}

/// A record of the data as the objective reads it. Where it wants a mismatched answer, this is the chosen one
/// of the next record with another question or other pictures, after the last record from the first one on:
/// rated answers are several records of one question, to which the next one's answer is no stranger.
/// input_error as require_margin, and where no record asks anything else.
template <class Objective>
preference_record objective_record(const preference_data& data, std::int64_t index, const Objective& loss) {
  preference_record record = data.record(index);
  require_margin(record, loss);
  if (!reads_mismatched(loss)) return record;
  for (std::int64_t step = 1; step < data.size(); ++step) {
    const auto other = data.record((index + step) % data.size());
    if (same_prompt(record, other)) continue;
    record.others = {other.chosen};
    return record;
  }
  fail<input_error>(record.source,
                    ": this objective scores the answer to another question, and no record of ",
                    data.path().string(), " has another");
}

/// How many of a record's answers an objective scores.
template <class Objective>
int branches_of(const Objective& loss) {
  int branches = 0;
  for (const cell_place& place : places_of(loss)) branches = std::max(branches, place.branch + 1);
  return branches;
}

/// The answers of a record as dialog paths: chosen, rejected, then others.
inline std::vector<dialog_path> answer_paths(const preference_record& record, std::size_t branches) {
  std::vector<dialog_path> paths{{record.chosen, record.chosen_later},
                                 {record.rejected, record.rejected_later}};
  for (const auto& other : record.others) paths.push_back({other, {}});
  require<input_error>(branches < 2 || !record.rejected.empty(), record.source,
                       ": the record has no rejected answer, which this objective needs");
  require<input_error>(branches <= paths.size(), record.source, ": the record has ", paths.size(),
                       " answers, but this objective compares ", branches);
  paths.resize(branches);
  return paths;
}

/// input_error, with its place, where a record of the data lacks what the objective reads: an answer, an
/// image, a margin. Mismatched answers are not its own, and no part of this.
template <class Objective>
void check_record(const preference_record& record, const Objective& loss,
                  std::span<const image_variant> variants = {}) {
  require_margin(record, loss);
  const int own = reads_mismatched(loss) ? 2 : branches_of(loss);
  answer_paths(record, static_cast<std::size_t>(own));
  images_of_stem(record, variants);
}

/// A record as the cells that an objective places. Chosen is branch 0, rejected branch 1. Only the branches
/// and images that it scores are computed; `variants` are the images that its places name, in the order of
/// images_named_in. Behind the objective's cells come those under which other tokens than the answer's are
/// picked, one for each cell that picks.
template <class Objective>
forest preference_tree(const processor& p, const preference_record& record, const Objective& loss,
                       std::span<const image_variant> variants = {}) {
  const auto places = places_of(loss);
  const auto names = images_named_in(places);
  require<usage_error>(names.size() == variants.size(),
                       "[preference_tree] the objective scores answers under ", names.size(),
                       " other images, but ", variants.size(), " are defined");
  const int branches = branches_of(loss);
  const auto paths = answer_paths(record, static_cast<std::size_t>(branches));
  const auto encoded =
      p.encode(record.earlier, record.question, paths, images_of_stem(record, variants), record.source);
  std::vector<std::vector<float>> weights;
  const token_weights wanted = token_weights_of(loss);
  if (wanted.gamma != 1.0 && branches >= 2) weights = changed_weights(encoded, dense_options(wanted));
  if (wanted.ld_alpha != 1.0 && branches >= 2) discount_length(encoded, wanted.ld_alpha, weights);
  forest tree = p.tree(encoded, weights, record.score_earlier);
  if (variants.empty()) {
    const auto by_branch = std::move(tree.cells);
    tree.cells.clear();
    for (const cell_place& place : places)
      tree.cells.push_back(place.used() ? by_branch[static_cast<std::size_t>(place.branch)] : scored_path{});
    for (const cell_place& place : places)
      if (place.picks()) tree.cells.push_back(by_branch[static_cast<std::size_t>(place.branch)]);
    return tree;
  }
  const auto variant_of = [&](std::string_view image) {
    return image.empty()
               ? 0
               : 1 + static_cast<std::int32_t>(std::find(names.begin(), names.end(), image) - names.begin());
  };
  variant_forest stems(std::move(tree), static_cast<std::int32_t>(variants.size()));
  std::vector<scored_path> cells;
  for (const cell_place& place : places)
    cells.push_back(place.used() ? stems.path(place.branch, variant_of(place.image)) : scored_path{});
  for (const cell_place& place : places)
    if (place.picks()) cells.push_back(stems.path(place.branch, variant_of(place.tokens_image)));
  tree = stems.take();
  tree.cells = std::move(cells);
  return tree;
}

}  // namespace CANDOR_NS
