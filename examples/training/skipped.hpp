// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Records that a training leaves out (--skip-bad-records).

#include <candor/data/preference_data.hpp>

#include "training/options.hpp"

#include <optional>
#include <string>
#include <vector>

namespace training {

/// {"record": "pairs.jsonl:12", "reason": "chosen: the text is empty"} a line.
std::string skipped_lines(const std::vector<candor::skipped_record>& skipped);

/// Leaves out what the model of the options cannot take: texts that are too long, pictures that do not
/// decode.
void skip_unusable(candor::preference_data& data, const options& o);

/// Says on stderr how many records were left out. The options again, with a list of them for the run folder,
/// skipped_records.jsonl.
options with_skipped(const options& o, const candor::preference_data& records,
                     const std::optional<candor::preference_data>& eval_records);

}  // namespace training
