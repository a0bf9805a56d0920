// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The report of a run folder, as rlhf_v, sft and rlaif_v leave it. Read are, where they are there:
///   metrics.jsonl, of the folder, of run/, or of round-N/run/ (also below seed-N/)
///   figures.jsonl      {"stage": "base", "beside": false, "figures": [{"name": "...", "value": 22.3,
///                      "better": "lower"}, ...]}
///   gallery.jsonl      {"image": "gallery/0.png", "question": "...", "answers": [{"label": "base",
///                      "text": "...", "claims": [{"text": "a blue fish", "verdict": "wrong"}]}, ...]}
///   round-N/           verdicts.jsonl (answers, their claims and P(yes), P(no) of each), pairs.jsonl,
///                      evaluation.json
///   before/, round-N/evaluation/     verdicts.jsonl of greedy answers, in place of figures and gallery
///   data/pairs.jsonl   or the records that options.toml names
///   options.toml, config.json

#include <candor/eval/report.hpp>

#include <filesystem>

namespace report {

struct run_options {
  /// Folder that pictures' names start from; empty: data/images, or options.toml's.
  std::filesystem::path images = {};
  std::filesystem::path data = {};  ///< preference records; empty: the run's own
  int pictures = 8;
  int pairs = 8;
};

/// input_error or io_error for files that are there and cannot be used; usage_error for a folder that holds
/// no run at all.
candor::report read_run(const std::filesystem::path& folder, const run_options& options = {});

/// Writes report.html into the folder.
void write_report(const std::filesystem::path& folder, const run_options& options = {});

}  // namespace report
