// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A ladder of ratings as preference pairs: several answers to one question, each rated on some aspects. As
/// Silkie's code does with VLFeedback (arXiv 2312.10665), the mean of an answer's ratings orders the answers,
/// every two answers with unequal means are a pair, and an answer without a readable rating is in none.

#include <candor/core/config.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct rating_ladder {
  std::vector<std::pair<std::string, double>> weights = {};  ///< of aspects; empty: all weigh the same
  double min_gap = 0.0;       ///< between the two means of a pair, which are never equal
  std::size_t max_pairs = 0;  ///< of one question, those with the widest gaps; 0: all
};

/// What one aspect of an answer was rated: {"Visual Faithfulness", 4}; no value where nobody could read it.
struct aspect_rating {
  std::string aspect;
  std::optional<double> value;
};

/// The weighted mean of an answer's ratings. Nothing where there are none, where one that counts cannot be
/// read, or where an aspect that the ladder weighs is missing.
std::optional<double> mean_rating(std::span<const aspect_rating> ratings, const rating_ladder& ladder = {});

/// Two answers by their places, the better one first.
struct rated_pair {
  std::size_t chosen = 0, rejected = 0;
  double gap = 0;  ///< difference of the means
  friend bool operator==(const rated_pair&, const rated_pair&) = default;
};

/// The pairs of one question's answers, in the order of their places; where `max_pairs` leaves some out,
/// those with narrow gaps go first, then those that come later. usage_error for weights that are not
/// positive, or a gap that is negative.
std::vector<rated_pair> pairs_of_ratings(std::span<const std::optional<double>> means,
                                         const rating_ladder& ladder = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/data/ratings_impl.hpp>
#endif
