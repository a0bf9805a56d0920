// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLHF-V on the embedded world: the base describes fresh scenes, the known contents play the annotator who
/// corrects wrong segments, and dense DPO learns from the corrections.

#include <filesystem>
#include <string>
#include <vector>

#include "rlhf_v/presets.hpp"
#include "scenes/world.hpp"

namespace rlhf_v {

struct scene_options {
  std::filesystem::path base;  ///< model folder
  int pictures = 800;          ///< fresh ones that the base describes
  double temperature = 1.0;
  std::uint64_t seed = 1;  ///< of pictures, samples and training
};

struct scene_result {
  scenes::model_figures after = {};
  std::size_t pairs = 0;
  double seconds = 0;           ///< sampling, training and evaluation after it
  std::filesystem::path saved;  ///< model folder, or adapter folder where adapters were trained
};

/// What the annotator's corrections have made of the base.
struct scene_training {
  std::size_t pairs = 0;
  std::filesystem::path saved;  ///< model folder, or adapter folder where adapters were trained
};

/// Writes the annotator's pairs to o.data with their pictures beside it, in images/, and gives their number.
/// What is there stays: the images' times are part of what checkpoints know. usage_error where that was made
/// of other pictures.
std::size_t prepare_pairs(const training::options& o, const scene_options& world);

/// Writes everything below o.output: data/ (records and pictures) and run/ (the trainer's folder). A resumed
/// run keeps the data that is there.
scene_training train_on_scenes(const settings& s, const training::options& o, const scene_options& world);

/// The same, and what its model does on the held-out scenes.
scene_result run_on_scenes(const settings& s, const training::options& o, const scene_options& world);

}  // namespace rlhf_v
