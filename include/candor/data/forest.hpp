// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The batch element: a small forest of segments. A segment is a run of tokens with at most one parent; a
/// stem is a segment that others hang on, a branch one that hangs. Cells are the paths that are scored.

#include <candor/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace CANDOR_NS {

/// Tokens of a span that see each other both ways, as some families' image spans do: [begin, end) of a
/// segment.
struct two_way_span {
  std::int32_t begin = 0, end = 0;
};

struct segment {
  /// Vocabulary ids, or `image_row(r)` where a token is row r of the forest's image features.
  std::vector<std::int32_t> tokens;
  std::int32_t parent = -1;  ///< index of an earlier segment, -1: a root
  std::vector<two_way_span> two_way = {};
  /// (axes, tokens), one axis after the other, counted from where the parent ended; empty: 0, 1, 2, ...
  std::vector<std::int32_t> positions = {};
  /// How much further the children begin than this segment did; -1: its number of tokens.
  std::int32_t advance = -1;
};

constexpr std::int32_t image_row(std::int32_t row) { return -1 - row; }

/// Tokens of a segment that are scored, with their weights; a weight of zero leaves a token out.
struct scored_run {
  std::int32_t segment = 0;
  std::vector<float> weights;  ///< one a token; empty: all ones
  /// Vocabulary ids that are scored in place of the segment's own, one a token; empty: its own. What comes
  /// before a token stays the segment's.
  std::vector<std::int32_t> targets = {};
};

/// A path whose log-probability is wanted: the weighted sum over its runs.
using scored_path = std::vector<scored_run>;

struct forest {
  std::vector<segment> segments;  ///< parents before children
  std::vector<scored_path> cells;
  std::int32_t images = 0;        ///< feature rows come in the order of the images
  std::int32_t feature_rows = 0;  ///< of all images together
  std::uint64_t key = 0;          ///< names the record in the dropout's draw; all 64 bits count

  std::int64_t tokens() const {
    std::int64_t n = 0;
    for (const auto& s : segments) n += static_cast<std::int64_t>(s.tokens.size());
    return n;
  }
};

/// Names a token in the dropout's draw, whatever the layout: the record's key and the token's place in its
/// segment, mixed (the finaliser of splitmix64; Steele et al., 2014). Rows of the record's image n inside the
/// tower are those of segment -1 - n.
constexpr std::uint64_t token_key(std::uint64_t record, std::int32_t segment, std::int32_t place) {
  const auto mix = [](std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
  };
  const std::uint64_t within =
      (static_cast<std::uint64_t>(segment) << 32) | static_cast<std::uint32_t>(place);
  return mix(mix(record + 0x9e3779b97f4a7c15ull) + within);
}

/// Throws shape_error unless parents precede children, spans and runs fit their segments, each cell lies on
/// one path, and every scored token is a word that the token before it predicts without seeing it.
inline void check_forest(const forest& f) {
  const auto segments = static_cast<std::int32_t>(f.segments.size());
  for (std::int32_t i = 0; i < segments; ++i) {
    const segment& s = f.segments[static_cast<std::size_t>(i)];
    const auto n = static_cast<std::int32_t>(s.tokens.size());
    require<shape_error>(n > 0, "[forest] segment ", i, " has no tokens");
    require<shape_error>(s.parent >= -1 && s.parent < i, "[forest] segment ", i, " hangs on segment ",
                         s.parent, "; a parent must come before its children");
    require<shape_error>(s.positions.size() % s.tokens.size() == 0, "[forest] segment ", i, " of ", n,
                         " tokens has ", s.positions.size(),
                         " positions; expected one for each token and axis");
    for (const std::int32_t token : s.tokens)
      require<shape_error>(token >= 0 || -1 - token < f.feature_rows, "[forest] segment ", i,
                           " names feature row ", -1 - token, " of ", f.feature_rows);
    std::int32_t free = 0;
    for (const auto& span : s.two_way) {
      require<shape_error>(free <= span.begin && span.begin < span.end && span.end <= n, "[forest] segment ",
                           i, " of ", n, " tokens has a two-way span ", span.begin, " to ", span.end,
                           "; spans must ascend and not overlap");
      free = span.end;
    }
  }
  for (std::size_t c = 0; c < f.cells.size(); ++c) {
    std::int32_t leaf = -1;
    for (const scored_run& run : f.cells[c]) {
      require<shape_error>(run.segment >= 0 && run.segment < segments, "[forest] cell ", c,
                           " scores segment ", run.segment, " of ", segments);
      leaf = std::max(leaf, run.segment);
      const segment& s = f.segments[static_cast<std::size_t>(run.segment)];
      require<shape_error>(run.weights.empty() || run.weights.size() == s.tokens.size(), "[forest] cell ", c,
                           " gives ", run.weights.size(), " weights for ", s.tokens.size(),
                           " tokens of segment ", run.segment);
      require<shape_error>(run.targets.empty() || run.targets.size() == s.tokens.size(), "[forest] cell ", c,
                           " gives ", run.targets.size(), " targets for ", s.tokens.size(),
                           " tokens of segment ", run.segment);
      const auto scored = [&](std::size_t i) { return run.weights.empty() || run.weights[i] != 0.0f; };
      require<shape_error>(s.parent >= 0 || !scored(0), "[forest] cell ", c,
                           " scores the first token of a root, which nothing predicts");
      for (std::size_t i = 0; i < s.tokens.size(); ++i) {
        require<shape_error>(!scored(i) || s.tokens[i] >= 0, "[forest] cell ", c, " scores token ", i,
                             " of segment ", run.segment, ", which is part of an image");
        require<shape_error>(run.weights.empty() || std::isfinite(run.weights[i]), "[forest] cell ", c,
                             " gives token ", i, " of segment ", run.segment, " a weight that is not finite");
        require<shape_error>(run.targets.empty() || !scored(i) || run.targets[i] >= 0, "[forest] cell ", c,
                             " gives token ", i, " of segment ", run.segment, " the target ", run.targets[i],
                             ", which is no vocabulary id");
      }
      for (const auto& span : s.two_way)
        for (std::int32_t i = span.begin + 1; i < span.end; ++i)
          require<shape_error>(!scored(static_cast<std::size_t>(i)), "[forest] cell ", c, " scores token ", i,
                               " of segment ", run.segment,
                               ", which the token before it sees: both lie in a ", "two-way span");
    }
    for (const scored_run& run : f.cells[c]) {
      std::int32_t up = leaf;
      while (up > run.segment) up = f.segments[static_cast<std::size_t>(up)].parent;
      require<shape_error>(up == run.segment, "[forest] cell ", c, " scores segments ", run.segment, " and ",
                           leaf, ", which are on no common path");
    }
  }
}

}  // namespace CANDOR_NS
