// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Who sees whom, for the forest of stems and branches and for the vision tower alike:
///     token q sees token k  <=>  k <= reach[q]  and  q < visible_until[k]
/// Trees (one stem with all that hangs on it, or one image in the tower) lie one after the other and never see
/// each other, so work is cut at their boundaries.

#include <candor/core/error.hpp>

#include <cstdint>
#include <vector>

namespace CANDOR_NS {

/// Heads of an attention layer. Query heads h share the key and value head h * kv_count / count.
struct attention_heads {
  std::int64_t count = 1;     ///< query heads
  std::int64_t kv_count = 1;  ///< key and value heads
  std::int64_t size = 0;      ///< width of a head
  double scale = 1.0;         ///< of the scores
};

struct attention_layout {
  std::vector<std::int32_t> reach;          ///< (T): q itself, or the last token of a span that sees itself both ways
  std::vector<std::int32_t> visible_until;  ///< (T): end of the subtree of k's segment
  std::vector<std::int32_t> trees;          ///< boundaries of the trees: 0, ..., T

  std::int64_t tokens() const { return static_cast<std::int64_t>(reach.size()); }
  bool sees(std::int64_t q, std::int64_t k) const {
    return k <= reach[static_cast<std::size_t>(q)] && q < visible_until[static_cast<std::size_t>(k)];
  }

  /// Every token of a sequence sees every other one: the vision tower over `count` images of `length` tokens.
  static attention_layout full(std::int64_t count, std::int64_t length) {
    attention_layout layout;
    layout.trees.push_back(0);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto end = static_cast<std::int32_t>((i + 1) * length);
      layout.reach.insert(layout.reach.end(), static_cast<std::size_t>(length), end - 1);
      layout.visible_until.insert(layout.visible_until.end(), static_cast<std::size_t>(length), end);
      layout.trees.push_back(end);
    }
    return layout;
  }
};

/// One new token of each branch against its stem and its own past. Stems lie packed in one cache; branch b
/// keeps its past in rows [past(b), past(b) + length[b]) of another, which is cut into parts of `capacity`
/// rows. With `slots` a branch may stay in its part while others come and go.
struct decode_layout {
  struct group {
    std::int32_t stem_begin = 0, stem_end = 0;      ///< rows of the stem cache
    std::int32_t first_branch = 0, branches = 0;    ///< which queries hang on it
  };
  std::vector<group> groups;
  std::vector<std::int32_t> length;      ///< (branches): rows of own past, the new token included
  std::int64_t capacity = 0;             ///< rows reserved for each branch
  std::vector<std::int32_t> slots = {};  ///< (branches): the part of the cache that is the branch's; empty: part b

  std::int64_t past(std::int64_t b) const {
    return capacity * (slots.empty() ? b : slots[static_cast<std::size_t>(b)]);
  }
};

}  // namespace CANDOR_NS
