// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The options that all training programs share.

#include <candor/model/processor.hpp>
#include <candor/nn/linear.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/fit_options.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace training {

struct options {
  std::filesystem::path model, vision_tower, data, images, output, reference_model;
  candor::processor_options processor;
  std::string image_transform = "auto";
  std::string dtype = "f32";
  candor::lora_options lora{.rank = 0};
  candor::adamw optimizer;
  candor::fit_options fit;
  std::string truncation = "keep_end", scheduler = "cosine", layout = "shared", reference = "cache";
  int threads = 0;
};

}  // namespace training
