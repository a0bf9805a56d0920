// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The stages of POVID, below one folder. Each reads what the one before wrote and leaves a file or model
/// behind, so a run that was stopped goes on where it was; what it was made with lies in made_with/:
///   inject   answers -> inject/pairs.json: the same with hallucinated ones as rejected
///   text     pairs -> text/: DPO on them; an adapter is merged into text/merged
///   noise    pairs and the text stage's model -> noise/: with the noisy picture's tokens as well; the same

#include <candor/train/run_config.hpp>

#include "povid/presets.hpp"
#include "training/options.hpp"
#include "training/outcome.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace povid {

inline constexpr std::array<std::string_view, 3> stage_names{"inject", "text", "noise"};

/// A run: o.model, o.data and o.images are what it begins with, o.output its folder.
struct run_context {
  const settings& s;
  const training::options& o;

  std::filesystem::path folder(std::string_view stage) const { return o.output / stage; }
  /// The model that a training stage leaves behind.
  std::filesystem::path model(std::string_view stage) const {
    return folder(stage) / (o.lora.rank > 0 ? "merged" : "model");
  }
  std::filesystem::path injected() const { return folder("inject") / "pairs.json"; }
};

/// What the inject stage counted.
struct injection_counts {
  std::int64_t answers = 0, kept = 0, unreadable = 0, unchanged = 0, rewritten = 0;
};

/// Notes what a stage is made with before it begins; usage_error, with the first difference, where it was
/// begun with something else.
void claim_stage(const run_context& run, std::string_view stage, const candor::run_config& made_with);

/// Asks for a hallucinated answer to each of --data's and writes those that are one; usage_error where the
/// stage was begun with other data or settings, input_error where none is left. A stage that is done is left
/// as it is, but for another --min-similarity, which chooses anew from the replies that are there.
void inject(const run_context& run);
/// The pairs to train on where the stage inject is not asked for: --data, or what that stage has made of it;
/// usage_error where it made pairs of something else.
std::filesystem::path pairs_of(const run_context& run);
injection_counts read_injection_counts(const run_context& run);

/// Trains a stage, "text" or "noise", from this model on these pairs, and merges its adapter. A stage that is
/// done is left as it is; usage_error where it was begun with other options.
void train(const run_context& run, std::string_view stage, const std::filesystem::path& model,
           const std::filesystem::path& pairs);

/// Prints what the training stages would do: training/dry_run.hpp.
void dry_run(const settings& s, const training::options& o);

/// What is known of a stage when it is done.
struct stage_report {
  std::string_view stage;
  std::filesystem::path model;
  double seconds = 0;  ///< of this process
};

/// Runs the stages that are asked for, each on what the ones before left behind. usage_error where that is
/// not there.
std::vector<stage_report> run_stages(const run_context& run, const std::vector<std::string>& stages);

}  // namespace povid
