// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The rounds of RLAIF-V, each from the model that the one before has trained.

#include "rlaif_v/presets.hpp"
#include "rlaif_v/scene_world.hpp"
#include "rlaif_v/stages.hpp"
#include "training/options.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace rlaif_v {

/// How far the answers to the evaluation's instructions hold before the judge of the run's first model.
struct answer_figures {
  std::int64_t answers = 0, without_claims = 0, unfinished = 0, claims = 0, confirmed = 0, words = 0;
};

/// What came out of a round.
struct round_report {
  int number = 1;
  std::filesystem::path saved;  ///< model folder
  pair_summary pairs;
  double seconds = 0;      ///< of this process
  round_result scenes;     ///< on the embedded world
  answer_figures answers;  ///< with --questions
};

struct run_report {
  std::vector<round_report> rounds;  ///< those that are done
  answer_figures before;             ///< with --questions
  bool complete = false;             ///< all rounds are done; else some stage was not asked for
};

/// Runs the named stages of all rounds below o.output, as far as they can go. With `world`, the instructions
/// are the embedded world's pictures.
run_report run_rounds(const settings& s, const training::options& o, const std::vector<std::string>& stages,
                      bool world);

/// The greedy answers of a model, divided and judged by `judge`, in files below `folder`.
answer_figures evaluate_answers(const settings& s, const training::options& o,
                                const std::filesystem::path& folder, const std::filesystem::path& model,
                                const std::filesystem::path& judge);

/// Prints what a run on files would do, and how its first instructions look to the model. Reads no weights.
void dry_run(const settings& s, const training::options& o);

}  // namespace rlaif_v
