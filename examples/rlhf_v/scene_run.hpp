// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLHF-V on the embedded world: the base describes fresh scenes, the known contents play the annotator who
/// corrects wrong segments, and dense DPO learns from the corrections.

#include <filesystem>
#include <string>
#include <vector>

#include "rlhf_v/presets.hpp"
#include "scenes/evaluation.hpp"
#include "scenes/sheet.hpp"

namespace rlhf_v {

struct scene_options {
  std::filesystem::path base;  ///< model folder
  int pictures = 800;          ///< fresh ones that the base describes
  double temperature = 1.0;
  std::uint64_t seed = 1;  ///< of pictures, samples and training
};

/// A model on the held-out scenes, with its captions.
struct scene_figures {
  scenes::evaluation figures;
  std::vector<std::string> captions;
};

struct scene_result {
  scene_figures after;
  std::size_t pairs = 0;
  double seconds = 0;           ///< sampling, training and evaluation after it
  std::filesystem::path saved;  ///< model folder, or adapter folder where adapters were trained
};

/// Writes everything below o.output: data/ (records and pictures) and run/ (the trainer's folder). A resumed
/// run keeps the data that is there.
scene_result run_on_scenes(const settings& s, const training::options& o, const scene_options& world);

/// What a model does on the held-out scenes; `adapter` may be empty.
scene_figures evaluate_folder(const std::filesystem::path& model, const std::filesystem::path& adapter,
                              int threads);

}  // namespace rlhf_v
