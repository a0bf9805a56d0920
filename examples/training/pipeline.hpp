// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The frame of a pipeline's program: on a model and data that the options name, or without them on the
/// embedded world, once for each seed.

#include "training/command_line.hpp"
#include "training/options.hpp"
#include "training/program.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace training {

/// What a pipeline's program has beside the trainers' options.
struct pipeline_options {
  options training;
  std::string preset = "auto";          ///< auto: paper with --model, else scenes
  std::vector<std::uint64_t> seeds{1};  ///< on the embedded world, one run each
};

/// What a pipeline does. `add` declares its own options after those that all have.
struct pipeline {
  const char* name;
  const char* description;
  std::string_view lessons;  ///< begin the end of --help
  candor::function_ref<void(CLI::App&)> add;
  candor::function_ref<void(const std::string& preset)> apply_preset;
  candor::function_ref<void()> on_files, on_world;
  bool resumes_by_stages = false;  ///< --resume takes nothing but auto
};

/// --preset, in the group of the pipeline's loss or rounds, and --seeds, in the world's.
void add_preset(CLI::App& group, pipeline_options& o);
CLI::App& world_group(CLI::App& app, pipeline_options& o);

/// The options of seed `seed`: with several seeds each has a folder of its own below --output.
options options_of_seed(const pipeline_options& o, std::uint64_t seed);

/// Reads the command line, says what is wrong with it, and runs; the program's exit status.
int run_pipeline(const pipeline& p, pipeline_options& o, int argc, char** argv);

}  // namespace training
