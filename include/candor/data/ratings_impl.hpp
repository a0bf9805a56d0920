// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of ratings.hpp.

#include <candor/core/error.hpp>
#include <candor/data/ratings.hpp>

#include <algorithm>
#include <cmath>

namespace CANDOR_NS {
namespace detail {

inline void check_ladder(const rating_ladder& ladder) {
  require<usage_error>(ladder.min_gap >= 0, "[ratings] the least gap of a pair is ", ladder.min_gap,
                       "; expected 0 or more");
  for (const auto& [aspect, weight] : ladder.weights)
    require<usage_error>(weight > 0 && std::isfinite(weight), "[ratings] the aspect \"", aspect, "\" weighs ",
                         weight, "; expected more than 0, or leave it out");
}

}  // namespace detail

CANDOR_INLINE std::optional<double> mean_rating(std::span<const aspect_rating> ratings,
                                                const rating_ladder& ladder) {
  detail::check_ladder(ladder);
  double sum = 0, weights = 0;
  const auto add = [&](const aspect_rating& rating, double weight) {
    if (!rating.value) return false;
    sum += weight * *rating.value;
    weights += weight;
    return true;
  };
  if (ladder.weights.empty()) {
    for (const auto& rating : ratings)
      if (!add(rating, 1.0)) return std::nullopt;
  }
  for (const auto& [aspect, weight] : ladder.weights) {
    const auto found = std::find_if(ratings.begin(), ratings.end(),
                                    [&name = aspect](const auto& rating) { return rating.aspect == name; });
    if (found == ratings.end() || !add(*found, weight)) return std::nullopt;
  }
  if (weights == 0) return std::nullopt;
  return sum / weights;
}

CANDOR_INLINE std::vector<rated_pair> pairs_of_ratings(std::span<const std::optional<double>> means,
                                                       const rating_ladder& ladder) {
  detail::check_ladder(ladder);
  std::vector<rated_pair> out;
  for (std::size_t a = 0; a < means.size(); ++a)
    for (std::size_t b = a + 1; b < means.size(); ++b) {
      if (!means[a] || !means[b] || *means[a] == *means[b]) continue;
      const double gap = std::abs(*means[a] - *means[b]);
      if (gap < ladder.min_gap) continue;
      out.push_back(*means[a] > *means[b] ? rated_pair{a, b, gap} : rated_pair{b, a, gap});
    }
  if (ladder.max_pairs == 0 || out.size() <= ladder.max_pairs) return out;
  std::vector<std::size_t> order(out.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return out[a].gap > out[b].gap; });
  order.resize(ladder.max_pairs);
  std::sort(order.begin(), order.end());
  std::vector<rated_pair> kept;
  for (const std::size_t i : order) kept.push_back(out[i]);
  return kept;
}

}  // namespace CANDOR_NS
