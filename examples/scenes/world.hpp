// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The embedded world as a pipeline meets it: the base that learned to hallucinate, what a model is worth on
/// held-out pictures, and what a run shows at its end.

#include "scenes/evaluation.hpp"
#include "scenes/sheet.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace scenes {

/// The base's model folder: in the source tree, or where it was installed beside the program.
std::filesystem::path base_folder();

/// The world's CLIP, which make_clip made, likewise.
std::filesystem::path clip_folder();

/// A model on held-out scenes, with its greedy captions.
struct model_figures {
  evaluation figures;
  std::vector<std::string> captions;
};

/// `adapter` may be empty.
model_figures evaluate_folder(const std::filesystem::path& model, const std::filesystem::path& adapter = {},
                              int threads = 0, int held_out = 500);

/// Up to eight held-out pictures about which `before` says something that is not so.
std::vector<captioned_scene> mended(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after);

/// The heads of a table's first columns, and a model's cells below them; `yes_no` may be empty.
std::vector<std::string> figure_heads();
std::vector<std::string> figure_cells(const std::string& name, const caption_metrics& m,
                                      const std::string& yes_no = {});

/// Prints the first three captions.
void show_captions(const std::vector<captioned_scene>& shown);

/// Writes captions.svg (of three), the figures and report.html into a run folder.
void write_results(const std::filesystem::path& folder,
                   const std::vector<std::pair<std::string, evaluation>>& stages,
                   const std::vector<captioned_scene>& shown, const svg_labels& labels);

}  // namespace scenes
