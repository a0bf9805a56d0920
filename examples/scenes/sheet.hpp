// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Scenes to look at: several pictures enlarged into one image, and an SVG sheet of pictures with the
/// captions of two models below them, where what is not true stands in red.

#include <scenes/scene.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scenes {

struct sheet_layout {
  int columns = 4;
  int factor = 4;  ///< screen pixels a pixel; nearest neighbour
  int gap = 8;     ///< between pictures, black
};

/// The pictures, enlarged, row by row. All must have the size of the first.
candor::image lay_out(std::span<const candor::image> pictures, const sheet_layout& layout = {});

/// A word of a caption as it is written, with its marks, and whether it belongs to something that is not so.
struct judged_word {
  std::string text;
  bool wrong = false;
};

/// The words of a caption. Wrong are the words of a thing that is not there ("a yellow star"), and a wrong
/// colour.
std::vector<judged_word> judge_words(const scene& s, std::string_view text);

/// One scene with what two models say of it.
struct captioned_scene {
  scene what;
  std::string before, after;
};

struct svg_labels {
  std::string before = "before";
  std::string after = "after";
};

/// An SVG page: a column a scene, the picture (as PNG inside the file) over both captions. Needs no other
/// file.
std::string svg_sheet(std::span<const captioned_scene> scenes, const svg_labels& labels = {});

}  // namespace scenes
