// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The options that all training programs share.

#include <candor/data/ratings.hpp>
#include <candor/model/processor.hpp>
#include <candor/nn/linear.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/fit_options.hpp>

#include "program/device_options.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace training {

struct options {
  std::filesystem::path model, vision_tower, data, images, output, reference_model;
  std::filesystem::path eval_data = {};  ///< records of their own for evaluation
  bool skip_bad_records = false;         ///< leave out records that cannot be used
  candor::rating_ladder ladder;          ///< how rated answers become pairs
  candor::processor_options processor;
  std::string image_transform = "auto";
  std::string dtype = "f32";
  candor::lora_options lora{.rank = 0};
  candor::adamw optimizer;
  candor::fit_options fit;
  std::string truncation = "keep_end", scheduler = "cosine", layout = "shared", reference = "auto";
  std::string report_to = "tensorboard";
  std::string greater_is_better = "auto";
  std::int64_t accumulation = 1;  ///< batches of a step
  bool bf16 = false;              ///< TRL's name for dtype bf16
  bool dry_run = false;
  int threads = 0;
  program::device_options device;
};

}  // namespace training
