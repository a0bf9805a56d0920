// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Training inside a recipe: the embedded world's numbers, once for all recipes.

#include <candor/data/preference_data.hpp>

#include "compare/recipe.hpp"
#include "rlaif_v/stages.hpp"
#include "training/options.hpp"

#include <filesystem>
#include <utility>

namespace compare {

/// From `model` on the records context.folder/data/pairs.jsonl into context.folder/`name`, with the settings
/// that all recipes share: AdamW at 1e-4 without decay, batches of 16, two epochs.
inline training::options training_options(const recipe_context& context, const std::filesystem::path& model,
                                          const std::filesystem::path& name = "run") {
  training::options o;
  o.model = model;
  o.data = context.folder / "data" / "pairs.jsonl";
  o.images = context.folder / "data" / "images";
  o.output = o.fit.run_folder = context.folder / name;
  o.threads = context.threads;
  o.optimizer.learning_rate = 1e-4;
  o.optimizer.weight_decay = 0;
  o.optimizer.beta2 = 0.98;
  o.fit.batch_size = 16;
  o.fit.epochs = 2;
  o.fit.seed = context.seed;
  o.fit.schedule.warmup_ratio = 0.05;
  o.fit.schedule.floor = 0.02;
  o.fit.quiet = context.quiet;
  return o;
}

/// The same for a recipe of rounds or stages from the base, which go on where they were stopped.
inline training::options staged_options(const recipe_context& context) {
  auto o = training_options(context, context.base);
  o.output = context.folder;
  o.fit.resume = "auto";
  return o;
}

/// What a recipe of rounds leaves: the last one's model, and the pairs of all.
template <class Rounds>
recipe_result result_of_rounds(std::filesystem::path model, const Rounds& rounds) {
  recipe_result result{.model = std::move(model)};
  for (const auto& round : rounds) result.records += round.pairs.pairs;
  return result;
}

/// Records that a training reads: pairs, or answers to fine-tune on.
inline std::int64_t records_in(const training::options& o, bool pairs = true) {
  return candor::preference_data(o.data, {.images = o.images, .pairs = pairs}).size();
}

/// DPO with beta 0.1 and 0.05 of the chosen answer's negative log-likelihood beside it, which keeps recall
/// up.
inline void train_dpo(const training::options& o) {
  rlaif_v::train_pairs({{.beta = 0.1}, {.weight = 0.05}}, o);
}

/// Calls train(o) unless its model is there; one that was stopped goes on. The model folder.
template <class Train>
std::filesystem::path train_once(training::options o, Train train) {
  const auto model = o.output / "model";
  if (std::filesystem::exists(model)) return model;
  o.fit.resume = std::filesystem::exists(o.output) ? "auto" : "";
  train(o);
  return model;
}

}  // namespace compare
