// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The stages of a round. Each reads the file of the one before and writes its own, which grows beside its
/// name and appears when it is whole, so a stage that was stopped goes on where it was. Beside it lies what
/// it was made with.

#include <candor/feedback/remote_judge.hpp>
#include <candor/model/llava_source.hpp>
#include <candor/train/run_config.hpp>

#include "rlaif_v/presets.hpp"
#include "training/options.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlaif_v {

inline constexpr std::array<std::string_view, 7> stage_names{"generate", "split", "ask",     "judge",
                                                             "pair",     "train", "evaluate"};

/// A round's folder, and what the round begins with.
struct round_context {
  const settings& s;
  const training::options& o;  ///< o.data: the instructions; o.images: where their pictures are
  int number = 1;
  std::filesystem::path folder;  ///< "<output>/round-1"
  std::filesystem::path policy;  ///< model folder at the round's start: candidates, reference, first weights

  /// A stage's file: candidates.jsonl, claims.jsonl, questions.jsonl, verdicts.jsonl, pairs.jsonl; the model
  /// folder of "train"; evaluation.json.
  std::filesystem::path file(std::string_view stage) const;
  /// What a stage is made with: made_with/<stage>.json.
  std::filesystem::path note(std::string_view stage) const;
  /// The first of the file's instructions for this round, and how many they are.
  std::int64_t first_instruction() const { return s.instructions * (number - 1); }
};

/// A server with the settings' limits; waiting for it can be stopped by a signal.
candor::endpoint_options endpoint(const std::string& url, const std::string& model, const settings& s);

/// Completes prompts, one text each (feedback/prompted.hpp).
using completer = std::function<std::vector<std::string>(std::span<const std::string>)>;
/// Works with the language model of --splitter: the round's policy, another model's folder, or a server.
void with_language_model(const round_context& r, const std::function<void(const completer&)>& work);

/// Notes what a stage is made with before it begins; usage_error where it was begun with something else.
/// `input` is the file that it reads; its content belongs to it.
void claim_stage(const round_context& r, std::string_view stage, candor::run_config made_with,
                 const std::filesystem::path& input);

void generate(const round_context& r);  ///< instructions -> candidates.jsonl, in the policy's words
void split(const round_context& r);     ///< -> claims.jsonl
void ask(const round_context& r);       ///< -> questions.jsonl
void judge(const round_context& r);     ///< -> verdicts.jsonl
void pair(const round_context& r);      ///< -> pairs.jsonl, and pairs.summary.json
void train(const round_context& r);     ///< -> run/model, with the adapter merged where one was trained

/// DPO with a supervised term on the records of the options, compiled once.
void train_pairs(const candor::with_sft<candor::dpo>& loss, const training::options& o);

/// What the pair stage counted.
struct pair_summary {
  std::int64_t instructions = 0, answers = 0, unfinished = 0, without_claims = 0, claims = 0, confirmed = 0,
               pairs = 0;
};
pair_summary read_summary(const round_context& r);
/// Whether the round's pair stage is done and found none: there is nothing to train on.
bool is_without_pairs(const round_context& r);

/// Whether the file that a stage reads is there, or its own is.
bool can_run(const round_context& r, std::string_view stage);
/// Runs a stage of "generate" to "train" unless its file is there; usage_error where the file that it reads
/// is missing.
void run_stage(const round_context& r, std::string_view stage);

}  // namespace rlaif_v
