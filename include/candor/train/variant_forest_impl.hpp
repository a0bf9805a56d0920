// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of variant_forest.hpp.

#include <candor/train/variant_forest.hpp>

#include <algorithm>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE variant_forest::variant_forest(forest plain, std::int32_t variants)
    : plain_(std::move(plain)),
      built_of_(static_cast<std::size_t>(variants) + 1,
                std::vector<std::int32_t>(plain_.segments.size(), -1)) {
  const auto& stem = plain_.segments.front().tokens;
  const auto first = std::find_if(stem.begin(), stem.end(), [](std::int32_t token) { return token < 0; });
  before_ = static_cast<std::int32_t>(first - stem.begin());
  if (before_ > 0) built_.segments.push_back({.tokens = {stem.begin(), first}});
  built_.images = plain_.images * (variants + 1);
  built_.feature_rows = plain_.feature_rows * (variants + 1);
  built_.key = plain_.key;
}

CANDOR_INLINE std::int32_t variant_forest::segment_of(std::int32_t plain, std::int32_t variant) {
  std::int32_t& built = built_of_[static_cast<std::size_t>(variant)][static_cast<std::size_t>(plain)];
  if (built >= 0) return built;
  const segment& source = plain_.segments[static_cast<std::size_t>(plain)];
  segment s{.tokens = source.tokens};
  if (plain == 0) {
    s.tokens.erase(s.tokens.begin(), s.tokens.begin() + before_);
    for (std::int32_t& token : s.tokens)
      if (token < 0) token -= variant * plain_.feature_rows;
    s.parent = before_ > 0 ? 0 : -1;
  } else {
    s.parent = segment_of(source.parent, variant);
  }
  built = static_cast<std::int32_t>(built_.segments.size());
  built_.segments.push_back(std::move(s));
  return built;
}

CANDOR_INLINE scored_path variant_forest::path(std::int32_t branch, std::int32_t variant) {
  scored_path path;
  for (scored_run run : plain_.cells[static_cast<std::size_t>(branch)]) {
    if (run.segment == 0 && before_ > 0) {  // answers of earlier turns, which have weights
      const auto split = run.weights.begin() + before_;
      if (std::any_of(run.weights.begin(), split, [](float w) { return w != 0.0f; }))
        path.push_back({0, {run.weights.begin(), split}});
      run.weights.erase(run.weights.begin(), split);
    }
    run.segment = segment_of(run.segment, variant);
    path.push_back(std::move(run));
  }
  return path;
}

CANDOR_INLINE encoded_record part_of(const encoded_record& whole, std::span<const std::int32_t> cells) {
  const forest& from = whole.tree;
  std::vector<std::int32_t> place(from.segments.size(), -1);  // in the part, -1: not needed
  for (const auto c : cells)
    for (const scored_run& run : from.cells[static_cast<std::size_t>(c)])
      for (std::int32_t s = run.segment; s >= 0; s = from.segments[static_cast<std::size_t>(s)].parent)
        place[static_cast<std::size_t>(s)] = 0;
  const std::int32_t rows = from.images > 0 ? from.feature_rows / from.images : 0;  // of an image
  std::vector<std::int32_t> image(static_cast<std::size_t>(from.images), -1);
  for (std::size_t s = 0; s < place.size(); ++s)
    for (const auto token : from.segments[s].tokens)
      if (place[s] >= 0 && token < 0) image[static_cast<std::size_t>((-1 - token) / rows)] = 0;

  encoded_record part;
  part.tree.key = from.key;
  const std::size_t width = from.images > 0 ? whole.pixels.size() / static_cast<std::size_t>(from.images) : 0;
  for (std::size_t i = 0; i < image.size(); ++i) {
    if (image[i] < 0) continue;
    image[i] = part.tree.images++;
    part.images.push_back(static_cast<std::int32_t>(i));
    const auto first = whole.pixels.begin() + static_cast<std::ptrdiff_t>(i * width);
    part.pixels.insert(part.pixels.end(), first, first + static_cast<std::ptrdiff_t>(width));
  }
  part.tree.feature_rows = part.tree.images * rows;
  for (std::size_t s = 0; s < place.size(); ++s) {
    if (place[s] < 0) continue;
    place[s] = static_cast<std::int32_t>(part.tree.segments.size());
    segment copy = from.segments[s];
    if (copy.parent >= 0) copy.parent = place[static_cast<std::size_t>(copy.parent)];
    for (std::int32_t& token : copy.tokens)
      if (token < 0) {
        const std::int32_t row = -1 - token;
        token = image_row(image[static_cast<std::size_t>(row / rows)] * rows + row % rows);
      }
    part.tree.segments.push_back(std::move(copy));
  }
  part.tree.cells.resize(from.cells.size());
  for (const auto c : cells) {
    scored_path& path = part.tree.cells[static_cast<std::size_t>(c)];
    path = from.cells[static_cast<std::size_t>(c)];
    for (scored_run& run : path) run.segment = place[static_cast<std::size_t>(run.segment)];
  }
  return part;
}

}  // namespace CANDOR_NS
