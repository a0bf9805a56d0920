// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the parts of a report share: where a run's files lie.

#include <candor/core/function_ref.hpp>
#include <candor/eval/report.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_report.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace report {

struct run_files {
  std::filesystem::path folder;                ///< as given
  std::filesystem::path inner;                 ///< the same, or its first seed's
  std::vector<std::filesystem::path> rounds;   ///< round-1, round-2, ...; empty for a run without rounds
  std::vector<std::filesystem::path> metrics;  ///< one for each round, or one
  std::map<std::string, std::string> options;  ///< of options.toml
  std::filesystem::path images;                ///< folder of the pictures; empty where it is not known
};

run_files find_run(const std::filesystem::path& folder, const run_options& options);

/// Hands each line of a file to use(record), until it says false; input_error with the place for a line that
/// is no JSON.
void for_lines(const std::filesystem::path& file,
               candor::function_ref<bool(const candor::detail::json_field&)> use);

std::vector<candor::report_chart> read_charts(const run_files& files);
/// Sets `stages` and `stages_beside`.
void read_stages(candor::report& out, const run_files& files);
std::vector<candor::report_picture> read_gallery(const run_files& files, const run_options& options);
/// Of before/ and round-N/evaluation/, the judged greedy answers to rlaif_v's --questions: figures, and
/// pictures with the first model's and the last round's answer.
std::vector<candor::report_stage> read_answer_stages(const run_files& files);
std::vector<candor::report_picture> read_compared(const run_files& files, int count);
/// Of the last round's labelled samples, of each picture the best answer and the worst.
std::vector<candor::report_picture> read_labelled(const run_files& files, int count);
/// Sets `pairs` and `pairs_note`.
void read_pairs(candor::report& out, const run_files& files, const run_options& options);

/// The bytes of a picture below the folder, empty where there is none or it has more than 4 MiB.
std::string picture_bytes(const std::filesystem::path& folder, const std::string& name);

}  // namespace report
