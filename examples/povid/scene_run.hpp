// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// POVID on the embedded world: true captions are preferred to the same captions with what usually goes
/// along, and then to what the model says of the noisy picture.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "povid/stages.hpp"
#include "scenes/world.hpp"

namespace povid {

/// Writes everything below o.output: data/ (records and pictures), text/ and noise/. A resumed run keeps what
/// is there. `s.pictures` true captions are chosen; o.fit.seed is that of pictures, lies and training. The
/// stages are "text" and "noise": hallucinated captions are the world's own.
std::vector<stage_report> train_on_scenes(const settings& s, const training::options& o,
                                          const std::filesystem::path& base,
                                          const std::vector<std::string>& stages);

/// A model on the held-out scenes after a stage.
struct scene_stage {
  std::string_view stage;
  scenes::model_figures figures;
  std::filesystem::path model;
  double seconds = 0;  ///< training and evaluation
};

/// The same, and what each stage's model does on the held-out scenes.
std::vector<scene_stage> run_on_scenes(const settings& s, const training::options& o,
                                       const std::filesystem::path& base,
                                       const std::vector<std::string>& stages);

}  // namespace povid
