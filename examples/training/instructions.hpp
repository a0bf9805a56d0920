// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The instructions of a pipeline whose model answers them itself, before it begins.

#include <candor/data/preference_data.hpp>

#include "training/options.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace training {

struct instruction_facts {
  std::int64_t each = 0;     ///< instructions of a round
  std::int64_t longest = 0;  ///< tokens of a prompt, its image's included, of those that were looked at
  std::int64_t mean = 0;     ///< the same
};

/// Prints how the first two instructions look to the model of the options, whose config.json and tokenizer
/// are read, no weights; looks at up to 64 of them. `each` of a round, its own ones; 0: all of the file in
/// every round. input_error where there are too few, and for one that the model cannot take.
instruction_facts look_at_instructions(const candor::questions_data& data, const options& o, int rounds,
                                       std::int64_t each);

/// The name of an instruction's picture in the folder of images; input_error where it has not one picture as
/// a file.
std::string image_name(const candor::question_record& record, const std::filesystem::path& images);

}  // namespace training
