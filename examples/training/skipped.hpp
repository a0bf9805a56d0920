// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Records that a training leaves out (--skip-bad-records).

#include <candor/core/function_ref.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/model/processor.hpp>

#include "training/options.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace training {

/// {"record": "pairs.jsonl:12", "reason": "chosen: the text is empty"} a line.
std::string skipped_lines(const std::vector<candor::skipped_record>& skipped);

/// What says whether the model can take a record, given with its place: an input_error where it cannot.
using record_check =
    candor::function_ref<void(const candor::processor&, const candor::preference_record&, std::int64_t)>;

/// Leaves out records for which `fits` says no: texts that are too long, answers that are missing, pictures
/// that do not decode.
void skip_unusable(candor::preference_data& data, const options& o, record_check fits);

/// Says on stderr how many records were left out, and the file that lists them, if it is given.
void report_skipped(const std::vector<candor::skipped_record>& skipped, const std::filesystem::path& list);

/// Says on stderr how many records were left out. The options again, with a list of them for the run folder,
/// skipped_records.jsonl.
options with_skipped(const options& o, const candor::preference_data& records,
                     const std::optional<candor::preference_data>& eval_records);

}  // namespace training
