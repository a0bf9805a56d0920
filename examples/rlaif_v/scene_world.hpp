// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLAIF-V on the embedded world: fresh pictures as instructions, and what a round's model is worth, since
/// the truth of every scene is known. No stage but the evaluation looks at the truth.

#include "rlaif_v/stages.hpp"
#include "scenes/world.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rlaif_v {

/// Writes `output`/data: images and instructions.jsonl, all rounds' pictures in a row. What is there stays,
/// since checkpoints know the images' times; usage_error where it was made for other settings.
void prepare_world(const std::filesystem::path& output, const settings& s);

/// A round's evaluation: kept in evaluation.json, so that a resumed run does not do it again.
struct round_result {
  scenes::model_figures after;
  double labels_right = 0;  ///< verdicts of the round that agree with the truth, %
  /// N samples of a model: the first of them, and the best by the round's implicit reward against the base.
  struct samples {
    scenes::caption_metrics first, best;
  };
  samples of_base = {}, of_policy = {};
};
round_result evaluate_round(const round_context& r, const std::filesystem::path& base);

}  // namespace rlaif_v
