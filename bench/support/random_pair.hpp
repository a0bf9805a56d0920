// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Records of random words and pixels for a model of any size, on any backend.

#include <candor/core/random.hpp>
#include <candor/model/scoring.hpp>

#include <cstdint>
#include <vector>

namespace candor_bench {

inline std::vector<std::int32_t> random_words(candor::random_stream& random, std::int64_t n) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>(random.below(32000)));
  return ids;
}

/// An image and a question; `before` of the question's words stand in front of the image.
inline candor::encoded_record random_question(const candor::llava_config& c, std::uint64_t seed,
                                              std::int64_t question, std::int64_t before = 0) {
  candor::random_stream random(seed, 1);
  candor::encoded_record record;
  candor::segment stem;
  const auto asked = random_words(random, question);
  stem.tokens.assign(asked.begin(), asked.begin() + before);
  for (std::int32_t i = 0; i < c.image_tokens(); ++i) stem.tokens.push_back(candor::image_row(i));
  stem.tokens.insert(stem.tokens.end(), asked.begin() + before, asked.end());
  record.tree.images = 1;
  record.tree.feature_rows = c.image_tokens();
  record.tree.segments = {stem};
  record.pixels.resize(static_cast<std::size_t>(3 * c.vision.image_size * c.vision.image_size));
  for (auto& v : record.pixels) v = random.normal();
  return record;
}

/// The same with two answers.
inline candor::encoded_record random_pair(const candor::llava_config& c, std::uint64_t seed,
                                          std::int64_t question, std::int64_t chosen, std::int64_t rejected,
                                          std::int64_t before = 0) {
  candor::random_stream random(seed, 2);
  auto record = random_question(c, seed, question, before);
  record.tree.segments.push_back({.tokens = random_words(random, chosen), .parent = 0});
  record.tree.segments.push_back({.tokens = random_words(random, rejected), .parent = 0});
  record.tree.cells = {{{1, {}}}, {{2, {}}}};
  return record;
}

}  // namespace candor_bench
