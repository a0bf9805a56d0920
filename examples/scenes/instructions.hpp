// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Fresh pictures of the embedded world as the instructions of a pipeline.

#include <cstdint>
#include <filesystem>

namespace scenes {

struct instruction_plan {
  std::int64_t count = 0;           ///< of all rounds
  std::uint64_t seed = 0;           ///< of the run
  std::uint64_t picture_seeds = 0;  ///< pictures are drawn with this plus the run's seed
  bool detailed = false;  ///< every second one asks for a detailed caption; else all for a brief one
};

/// Writes `output`/data: images and instructions.jsonl. What is there stays, since checkpoints know the
/// images' times; usage_error where it was made for other settings.
void prepare_instructions(const std::filesystem::path& output, const instruction_plan& wanted);

}  // namespace scenes
