// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A scene with questions and answers as a forest: the picture is the stem, every question hangs on it, and every
/// answer on its question.

#include <candor/model/processor.hpp>

#include <span>
#include <string>
#include <vector>

namespace scenes {

struct dialog {
  std::string question;
  std::vector<std::string> answers;  ///< one cell each, in order
};

/// The picture's tokens, through the image, once; then the dialogs.
inline candor::forest picture_tree(const candor::processor& p, std::span<const dialog> dialogs) {
  candor::forest f;
  for (const auto& d : dialogs) {
    const auto encoded = p.encode(d.question, d.answers, 1, d.question);
    const auto whole = p.tree(encoded);
    const auto& tokens = whole.segments.front().tokens;
    // The words behind the picture; all before it, the picture included, is the same in every dialog.
    const auto words = std::find_if(tokens.rbegin(), tokens.rend(), [](std::int32_t t) { return t < 0; }).base();
    if (f.segments.empty()) {
      f.segments.push_back({.tokens = {tokens.begin(), words}});
      f.images = whole.images;
      f.feature_rows = whole.feature_rows;
    }
    const auto question = static_cast<std::int32_t>(f.segments.size());
    f.segments.push_back({.tokens = {words, tokens.end()}, .parent = 0});
    for (const auto& answer : encoded.answers) {
      f.cells.push_back({{static_cast<std::int32_t>(f.segments.size()), {}}});
      f.segments.push_back({.tokens = answer.ids, .parent = question});
    }
  }
  return f;
}

}  // namespace scenes
