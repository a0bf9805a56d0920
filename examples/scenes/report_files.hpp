// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Figures and pictures of a run on scenes, in the files that a report is made of.

#include "scenes/evaluation.hpp"
#include "scenes/sheet.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scenes {

/// A scene with what several models say of it: label and caption.
struct told_scene {
  scene what;
  std::vector<std::pair<std::string, std::string>> captions;
};

/// Writes figures.jsonl (a stage a line), gallery.jsonl and gallery/*.png into a run folder. `report` reads
/// them (examples/report/run_report.hpp has their form). `beside`: all stages are made of the first one, not
/// each of the one before.
void write_report_files(const std::filesystem::path& folder,
                        const std::vector<std::pair<std::string, evaluation>>& stages,
                        std::span<const told_scene> shown, bool beside = false);
/// The same with the captions of two models.
void write_report_files(const std::filesystem::path& folder,
                        const std::vector<std::pair<std::string, evaluation>>& stages,
                        std::span<const captioned_scene> shown, const svg_labels& labels);

}  // namespace scenes
