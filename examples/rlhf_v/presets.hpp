// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLHF-V's settings (arXiv 2312.00849): as published, as its released scripts have them, and for the scenes.

#include <candor/core/error.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/sft.hpp>

#include "training/options.hpp"

#include <string>

namespace rlhf_v {

struct settings {
  candor::dense_dpo loss;
  double sft_weight = 0.0;  ///< of - log p(chosen) beside the preference loss
};

inline candor::with_sft<candor::dense_dpo> objective_of(const settings& s) {
  return {s.loss, {.weight = s.sft_weight}};
}

/// Sets what a preset fixes; usage_error for an unknown one.
inline void apply_preset(const std::string& name, settings& s, training::options& o) {
  o.fit.schedule.warmup_ratio = 0.03;
  if (name == "paper") {  // divides by the weighted length, beta 0.5, gamma 5
    s.loss = {.beta = 0.5, .gamma = 5.0, .normalise = true};
    o.optimizer.learning_rate = 5e-7;
    o.fit.batch_size = 32;
    o.fit.epochs = 7;
  } else if (name == "released") {  // summed, gamma 1.1, prompt and answer compared together
    s.loss = {.beta = 0.1, .gamma = 1.1, .scope = candor::change_region::full};
    o.optimizer.learning_rate = 5e-7;
    o.fit.batch_size = 8;
    o.fit.epochs = 3;
  } else if (name == "scenes") {
    s.loss = {.beta = 0.1, .gamma = 5.0};
    s.sft_weight = 0.05;
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

}  // namespace rlhf_v
