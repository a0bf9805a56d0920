// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// POVID's settings (arXiv 2402.11411): as published, as its released scripts have them, and for the scenes.

#include <candor/core/error.hpp>
#include <candor/feedback/injection.hpp>
#include <candor/image/distortion.hpp>
#include <candor/objective/povid.hpp>
#include <candor/objective/sft.hpp>
#include <candor/train/image_variants.hpp>

#include "training/options.hpp"

#include <cstdint>
#include <string>

namespace povid {

struct settings {
  // Both stages.
  candor::povid loss;       ///< of the noise stage; its beta is the text stage's too
  double sft_weight = 0.0;  ///< of - log p(chosen) beside the preference loss
  // The noise stage.
  std::string form = "average";                           ///< or "single"
  std::string score_image = "clean", ref_tokens = "own";  ///< or "noisy", "policy"
  std::string distortion = "diffusion";                   ///< distortion_from: of the chosen answer's picture
  double noise_epochs = 1.0;
  double noise_learning_rate = 0.0;  ///< 0: the text stage's
  // The inject stage.
  std::string injector;        ///< model folder, or a server's URL; empty: --model
  std::string injector_model;  ///< its name on the server
  int in_flight = 8;           ///< requests to a server at once
  double temperature = 0.7;
  std::int64_t max_new_tokens = 512;
  candor::injection_limits limits;
  // The embedded world.
  int pictures = 500;
};

/// The objective of a stage.
inline candor::with_sft<candor::povid> objective_of(const settings& s, bool noise) {
  candor::povid loss = s.loss;
  if (!noise) loss.loss = candor::povid::form::text_only;
  return {loss, {.weight = s.sft_weight}};
}

/// The picture under which the noise's tokens are the likeliest.
inline candor::image_variant noisy_picture(const settings& s) {
  return {.name = std::string(candor::povid::noisy_image), .how = candor::distortion_from(s.distortion)};
}

/// Sets what a preset fixes; usage_error for an unknown one.
inline void apply_preset(const std::string& name, settings& s, training::options& o) {
  o.fit.schedule.warmup_ratio = 0.03;
  o.optimizer.learning_rate = 1e-7;
  o.optimizer.weight_decay = 0;
  o.fit.batch_size = 1;
  o.fit.epochs = 3;
  o.lora = {.rank = 128, .alpha = 256, .dropout = 0.05};
  s.loss = {.beta = 0.1};
  if (name != "scenes") o.processor.max_length = 1048;
  if (name == "paper") {  // one sigmoid, noise that is clamped, scored under the noisy picture
    s.form = "single";
    s.score_image = "noisy";
    s.distortion = "diffusion,overflow=clamp";
  } else if (name ==
             "released") {  // the average of two losses, bytes that wrap, scored under the clean picture
    s.form = "average";
    s.score_image = "clean";
    s.distortion = "diffusion,overflow=wrap";
  } else if (name == "scenes") {
    s.form = "average";
    s.score_image = "clean";
    s.distortion = "diffusion,overflow=clamp";
    s.sft_weight = 0.05;
    s.noise_learning_rate = 5e-5;
    o.lora = {.rank = 0};
    o.optimizer.learning_rate = 1e-4;
    o.optimizer.beta2 = 0.98;
    o.fit.batch_size = 16;
    o.fit.epochs = 2;
    o.fit.schedule.warmup_ratio = 0.05;
    o.fit.schedule.floor = 0.02;
  } else {
    candor::fail<candor::usage_error>("--preset ", name, " is unknown: use paper, released or scenes");
  }
}

/// Turns the words among the settings into what they mean; usage_error for unknown ones.
inline void resolve(settings& s) {
  const auto one_of = [](const std::string& option, const std::string& value, const char* first,
                         const char* second) {
    candor::require<candor::usage_error>(value == first || value == second, option, " ", value,
                                         " is unknown: use ", first, " or ", second);
    return value == second;
  };
  s.loss.loss = one_of("--noise-loss", s.form, "average", "single") ? candor::povid::form::single
                                                                    : candor::povid::form::average;
  s.loss.score_noisy = one_of("--score-image", s.score_image, "clean", "noisy");
  s.loss.reference_picks = !one_of("--ref-tokens", s.ref_tokens, "own", "policy");
  s.distortion = candor::distortion_from(s.distortion).describe();
  candor::require<candor::usage_error>(!s.injector.starts_with("http") || !s.injector_model.empty(),
                                       "--injector ", s.injector,
                                       " needs --injector-model: what the server calls the model");
}

}  // namespace povid
