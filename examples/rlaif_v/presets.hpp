// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLAIF-V's settings (arXiv 2405.17220): as published, as its released scripts have them, and for the
/// scenes.

#include <candor/core/error.hpp>
#include <candor/feedback/pairs.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/sft.hpp>

#include "tools/contrast.hpp"
#include "training/options.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>

namespace rlaif_v {

struct settings {
  int rounds = 4;
  std::int64_t instructions = 0;  ///< of a round, its own ones; 0: all of the file in every round
  // Candidates.
  std::int64_t samples = 10;  ///< answers to each instruction
  double temperature = 0.7;
  std::int32_t top_k = 0;           ///< of the likeliest tokens; 0: all
  double top_p = 1.0;               ///< of the fewest that have this probability together; 1: all
  double repetition_penalty = 1.0;  ///< on tokens that prompt or answer have already; 1: none
  std::int64_t max_new_tokens = 512;
  tools::contrast_options contrast;
  std::string sampler;        ///< another model folder or a server's URL, whose answers are used
  std::string sampler_model;  ///< its name on the server
  // Claims.
  std::string splitter =
      "rules";                 ///< or policy, a model's folder, or the URL of a server: what divides and asks
  std::string splitter_model;  ///< its name on the server
  // Verdicts.
  std::string judge;        ///< model folder, or a server's URL; empty: the round's own model
  std::string judge_model;  ///< its name on the server
  int in_flight = 8;        ///< requests to a server at once
  std::string suffix = " Please answer yes or no.";
  // Pairs.
  std::string score = "unconfirmed";
  std::optional<double> min_gap;  ///< between the scores of a pair; not given: 1, or any with "fraction"
  candor::pair_options pairs;
  // Training.
  candor::dpo loss;
  double sft_weight = 0.0;  ///< of - log p(chosen) beside the preference loss
  // Evaluation.
  std::filesystem::path questions;  ///< instructions whose greedy answers are judged after each round
  int best_of = 8;                  ///< on the scenes: samples of which the implicit reward takes one
  int held_out = 500;               ///< on the scenes: pictures of the evaluation
  std::uint64_t seed = 1;           ///< of samples, draws and training
};

inline candor::with_sft<candor::dpo> objective_of(const settings& s) {
  return {s.loss, {.weight = s.sft_weight}};
}

/// Sets what a preset fixes; usage_error for an unknown one.
inline void apply_preset(const std::string& name, settings& s, training::options& o) {
  o.fit.schedule.warmup_ratio = 0.05;
  o.optimizer.learning_rate = 5e-7;
  o.optimizer.weight_decay = 0.01;
  o.fit.batch_size = 8;
  o.fit.epochs = 4;
  s.loss = {.beta = 0.1};
  if (name == "paper") {
    s.instructions = 4000;
  } else if (name == "released") {  // template and picture as its training scripts have them
    o.processor.chat_template = "llava_v1";
    o.image_transform = "centre_crop";
    o.fit.epochs = 3.56;  // 2,672 steps of 8 on the 5,998 pairs of a round
    s.rounds = 1;
    s.top_k = 50;  // transformers' default
  } else if (name == "scenes") {
    s.rounds = 2;
    s.instructions = 600;
    s.temperature = 1.0;
    s.max_new_tokens = 48;
    s.suffix = "";
    s.sft_weight = 0.05;
    o.optimizer.learning_rate = 1e-4;
    o.optimizer.weight_decay = 0;
    o.optimizer.beta2 = 0.98;
    o.fit.batch_size = 16;
    o.fit.epochs = 2;
    o.fit.schedule.floor = 0.02;
  } else {
    candor::fail<candor::usage_error>("--preset ", name, " is unknown: use paper, released or scenes");
  }
}

/// Turns the words among the settings into what they mean; usage_error for unknown ones.
inline void resolve(settings& s) {
  candor::require<candor::usage_error>(s.score == "unconfirmed" || s.score == "fraction", "--score ", s.score,
                                       " is unknown: use unconfirmed or fraction");
  s.pairs.rule = s.score == "fraction" ? candor::score_rule::fraction : candor::score_rule::unconfirmed;
  candor::require<candor::usage_error>(s.min_gap.value_or(0) >= 0, "--min-gap ", s.min_gap.value_or(0),
                                       ": expected a number from 0");
  s.pairs.min_gap = s.min_gap.value_or(s.score == "fraction" ? 0.0 : 1.0);
  candor::require<candor::usage_error>(s.samples > 1, "--samples ", s.samples,
                                       ": a pair takes two answers at least");
  for (const auto& [option, name, model] : {std::tuple{"--judge", s.judge, s.judge_model},
                                            {"--sampler", s.sampler, s.sampler_model},
                                            {"--splitter", s.splitter, s.splitter_model}})
    candor::require<candor::usage_error>(!name.starts_with("http") || !model.empty(), option, " ", name,
                                         " needs ", option, "-model: what the server calls the model");
  candor::require<candor::usage_error>(
      s.splitter == "rules" || s.splitter == "policy" || s.splitter.starts_with("http") ||
          std::filesystem::exists(std::filesystem::path(s.splitter) / "config.json"),
      "--splitter ", s.splitter, " is unknown: use rules, policy, a model's folder, or the URL of a server");
  tools::distortion_of(s.contrast);
  candor::require<candor::usage_error>(
      s.contrast.alpha == 0 || !s.sampler.starts_with("http"), "--contrast-alpha ", s.contrast.alpha,
      " with --sampler ", s.sampler, ": a server gives no logits to contrast; sample with a model's folder");
  s.pairs.seed = s.seed;
}

}  // namespace rlaif_v
