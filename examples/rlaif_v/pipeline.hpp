// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The rounds of RLAIF-V, each from the model that the one before has trained.

#include "rlaif_v/presets.hpp"
#include "rlaif_v/scene_world.hpp"
#include "rlaif_v/stages.hpp"
#include "training/options.hpp"

#include <filesystem>
#include <optional>
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
  pair_summary pairs;
  double seconds = 0;      ///< of this process
  round_result scenes;     ///< on the embedded world
  answer_figures answers;  ///< with --questions
};

struct run_report {
  std::vector<round_report> rounds;           ///< those that have trained
  std::optional<round_report> without_pairs;  ///< the round that found no pair: the last one
  answer_figures before;                      ///< with --questions
  std::filesystem::path saved;  ///< the model after the last round that trained, or the first one
  bool complete = false;  ///< all rounds are done, or one found no pair; else some stage was not asked for
};

/// Runs the named stages of all rounds below o.output, as far as they can go; a round that finds no pair is
/// the last one. With `world`, the instructions are the embedded world's pictures.
run_report run_rounds(const settings& s, const training::options& o, const std::vector<std::string>& stages,
                      bool world);

/// The greedy answers of a model, divided and judged by `judge`, in files below `folder`.
answer_figures evaluate_answers(const settings& s, const training::options& o,
                                const std::filesystem::path& folder, const std::filesystem::path& model,
                                const std::filesystem::path& judge);

/// Prints what a run on files would do, and how its first instructions look to the model. Reads no weights.
void dry_run(const settings& s, const training::options& o);

}  // namespace rlaif_v
