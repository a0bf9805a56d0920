// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the parts of a report share: where a run's files lie.

#include <candor/eval/report.hpp>

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

std::vector<candor::report_chart> read_charts(const run_files& files);
std::vector<candor::report_stage> read_stages(const run_files& files);
std::vector<candor::report_picture> read_gallery(const run_files& files, const run_options& options);
/// Sets `pairs` and `pairs_note`.
void read_pairs(candor::report& out, const run_files& files, const run_options& options);

/// The bytes of a picture below the folder, empty where there is none or it has more than 4 MiB.
std::string picture_bytes(const std::filesystem::path& folder, const std::string& name);

}  // namespace report
