// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The options of a training run, under TRL's names where they mean the same.

#include <candor/data/pack.hpp>
#include <candor/train/image_variants.hpp>
#include <candor/train/schedule.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Where the log-probs of the reference model come from.
enum class reference_source {
  automatic,     ///< in each step where a cache costs as much or cannot hold it (reference_log_probs), else
                 ///< cache
  cache,         ///< computed once before training, kept in the run folder
  adapters_off,  ///< the model without its adapters, run in every step
  each_step,     ///< the second model, run in every step; without one, the model without its adapters
};

inline constexpr std::string_view reference_source_names[] = {"auto", "cache", "adapters-off", "each-step"};

constexpr std::string_view name_of(reference_source source) {
  return reference_source_names[static_cast<std::size_t>(source)];
}
constexpr std::optional<reference_source> reference_source_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(reference_source_names); ++i)
    if (reference_source_names[i] == name) return static_cast<reference_source>(i);
  return std::nullopt;
}

struct fit_options {
  std::filesystem::path run_folder = "runs/run";
  double epochs = 1.0;             ///< passes over the records, rounded down to whole steps, at least one
  std::int64_t max_steps = 0;      ///< optimizer steps; 0: what the epochs give
  std::int64_t batch_size = 8;     ///< pairs of an optimizer step
  std::int64_t max_tokens = 8192;  ///< of a pass; a step takes as many passes as it needs
  layout_kind layout = layout_kind::shared;
  schedule_options schedule = {};
  double max_grad_norm = 1.0;   ///< longer gradients are scaled down; 0: never
  bool shuffle = true;          ///< a new order each epoch
  std::uint64_t seed = 42;      ///< of order, split, dropout and rounding
  double eval_fraction = 0.0;   ///< share of the records that is set aside; or trainer::set_evaluation
  std::int64_t eval_steps = 0;  ///< evaluate every so many steps; 0: at the end, where records are set aside
  bool load_best_model_at_end =
      false;  ///< `fit` ends with the best evaluation's model, whose checkpoint is kept
  std::string metric_for_best_model = "loss";  ///< of the evaluation, with or without "eval_"
  std::optional<bool> greater_is_better = {};  ///< not given: unless the metric's name ends in "loss"
  std::int64_t logging_steps = 1;
  bool tensorboard = true;            ///< event files in the run folder
  std::int64_t save_steps = 0;        ///< a checkpoint every so many steps; 0: only when asked to stop
  std::int64_t save_total_limit = 2;  ///< checkpoints that are kept, the best one among them; 0: all
  std::string resume = "";            ///< "auto": the newest checkpoint that verifies; or a checkpoint folder
  reference_source reference = reference_source::automatic;
  std::vector<image_variant> variants = {};  ///< what the images are that an objective's cells name
  bool fresh_variants = true;  ///< drawn anew each epoch; then the cache has a row for each epoch and record
  bool hash_images = false;    ///< the cache's fingerprint reads the images' bytes, not their sizes and times
  bool recompute = false;      ///< layers run again in the backward pass, for memory
  bool quiet = false;          ///< no progress
  std::vector<std::pair<std::string, std::string>> documents =
      {};  ///< files for the run folder: name, content
};

/// Optimizer steps of a run on so many training records.
inline std::int64_t total_steps_of(const fit_options& o, std::int64_t records) {
  if (o.max_steps > 0) return o.max_steps;
  const double pairs = static_cast<double>(records) * o.epochs;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(pairs / static_cast<double>(o.batch_size)));
}

}  // namespace CANDOR_NS
