// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Forests drawn at random for property tests: several roots, branches of branches, images, spans that see
/// themselves both ways, positions on three axes, weights with zeros, several cells on one branch.

#include <candor/core/random.hpp>
#include <candor/data/forest.hpp>

#include <cstdint>
#include <vector>

namespace candor_test {

struct forest_style {
  std::int32_t vocabulary = 50;
  bool images = true;
  bool two_way = true;
  bool three_axes = false;
  std::int32_t most_segments = 9;
  std::int32_t most_tokens = 8;  ///< of a segment
  std::int32_t next_word = -1;  ///< words count up from here instead of being drawn, where it is not negative
};

/// Whether a cell may score a token: a word that the token before it does not see.
inline bool may_score(const candor::forest& f, std::int32_t segment, std::int32_t place) {
  const auto& s = f.segments[static_cast<std::size_t>(segment)];
  if (place == 0 && s.parent < 0) return false;
  for (const auto& span : s.two_way)
    if (place > span.begin && place < span.end) return false;
  return s.tokens[static_cast<std::size_t>(place)] >= 0;
}

inline std::int32_t draw(candor::random_stream& random, std::int32_t least, std::int32_t most) {
  return least + static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(most - least + 1)));
}

inline candor::segment random_segment(candor::random_stream& random, candor::forest& f, std::int32_t parent,
                                      forest_style& style) {
  candor::segment s;
  s.parent = parent;
  const std::int32_t n = draw(random, 1, style.most_tokens);
  const std::int32_t picture = style.images && draw(random, 0, 2) == 0 ? draw(random, 1, n) : 0;
  const std::int32_t first = draw(random, 0, n - picture);
  for (std::int32_t i = 0; i < n; ++i) {
    if (i >= first && i < first + picture)
      s.tokens.push_back(candor::image_row(f.feature_rows++));
    else
      s.tokens.push_back(style.next_word >= 0 ? style.next_word++ : draw(random, 0, style.vocabulary - 1));
  }
  f.images += picture > 0;
  if (style.two_way && picture > 0) s.two_way.push_back({first, first + picture});
  if (style.two_way && picture == 0 && n > 1 && draw(random, 0, 3) == 0) {
    const std::int32_t begin = draw(random, 0, n - 2);
    s.two_way.push_back({begin, draw(random, begin + 1, n)});
  }
  if (style.three_axes && draw(random, 0, 3) > 0) {
    for (std::int32_t i = 0; i < 3 * n; ++i) s.positions.push_back(draw(random, 0, 2 * n));
    s.advance = draw(random, 0, 3 * n);
  }
  return s;
}

/// Scores some of the segments on the path to `leaf`, always the leaf itself, with every second weight drawn.
inline candor::scored_path random_cell(candor::random_stream& random, const candor::forest& f,
                                       std::int32_t leaf) {
  candor::scored_path cell;
  for (std::int32_t s = leaf; s >= 0; s = f.segments[static_cast<std::size_t>(s)].parent) {
    if (s != leaf && draw(random, 0, 1) == 0) continue;
    candor::scored_run run{s, {}};
    const auto n = static_cast<std::int32_t>(f.segments[static_cast<std::size_t>(s)].tokens.size());
    bool all = true;
    for (std::int32_t i = 0; i < n; ++i) {
      const bool may = may_score(f, s, i);
      all = all && may;
      const float weight = draw(random, 0, 3) == 0 ? 0.0f : static_cast<float>(draw(random, 1, 8)) * 0.5f;
      run.weights.push_back(may ? weight : 0.0f);
    }
    if (all && draw(random, 0, 1) == 0) run.weights.clear();
    cell.insert(cell.begin(), std::move(run));
  }
  return cell;
}

inline candor::forest random_forest(candor::random_stream& random, forest_style& style) {
  candor::forest f;
  f.key = random.next_double_word();
  const std::int32_t segments = draw(random, 1, style.most_segments);
  for (std::int32_t i = 0; i < segments; ++i) {
    const std::int32_t parent = i == 0 || draw(random, 0, 4) == 0 ? -1 : draw(random, 0, i - 1);
    f.segments.push_back(random_segment(random, f, parent, style));
  }
  const std::int32_t cells = draw(random, 1, segments + 1);
  for (std::int32_t c = 0; c < cells; ++c)
    f.cells.push_back(random_cell(random, f, draw(random, 0, segments - 1)));
  return f;
}

/// Many branches of a few tokens on one stem, each scored whole.
inline candor::forest wide_forest(candor::random_stream& random, std::int32_t stem, std::int32_t branches,
                                  forest_style& style) {
  const auto word = [&] {
    return style.next_word >= 0 ? style.next_word++ : draw(random, 0, style.vocabulary - 1);
  };
  candor::forest f;
  f.key = random.next_double_word();
  f.segments.resize(static_cast<std::size_t>(branches) + 1);
  for (std::int32_t i = 0; i < stem; ++i) f.segments[0].tokens.push_back(word());
  for (std::int32_t b = 1; b <= branches; ++b) {
    auto& branch = f.segments[static_cast<std::size_t>(b)];
    branch.parent = 0;
    for (std::int32_t i = draw(random, 1, 4); i > 0; --i) branch.tokens.push_back(word());
    f.cells.push_back({candor::scored_run{b, {}}});
  }
  return f;
}

inline std::vector<const candor::forest*> pointers(const std::vector<candor::forest>& forests) {
  std::vector<const candor::forest*> out;
  for (const auto& f : forests) out.push_back(&f);
  return out;
}

}  // namespace candor_test
