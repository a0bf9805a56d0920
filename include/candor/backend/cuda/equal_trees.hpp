// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Layouts that a library for equally long sequences takes: all trees have the same length, and within each every token
/// sees every other one. The vision tower's are of this kind.

#include <candor/backend/attention_layout.hpp>

#include <cstdint>

namespace CANDOR_NS::device {

struct equal_trees {
  std::int64_t count = 0, length = 0;  ///< tokens of each; count is 0 where the layout is of another kind
};

inline equal_trees equal_trees_of(const attention_layout& layout) {
  const auto count = static_cast<std::int64_t>(layout.trees.size()) - 1;
  if (count < 1 || layout.trees[1] == 0 || layout.tokens() != count * layout.trees[1]) return {};
  const std::int32_t length = layout.trees[1];
  for (std::int64_t tree = 0; tree < count; ++tree) {
    const auto begin = static_cast<std::int32_t>(tree * length), end = begin + length;
    if (layout.trees[static_cast<std::size_t>(tree)] != begin) return {};
    for (auto t = static_cast<std::size_t>(begin); t < static_cast<std::size_t>(end); ++t)
      if (layout.reach[t] != end - 1 || layout.visible_until[t] != end) return {};
  }
  return {count, length};
}

}  // namespace CANDOR_NS::device
