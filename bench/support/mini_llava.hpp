// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A LLaVA of about 50 M parameters with 576 image tokens, random weights and random pairs: what training
/// steps are measured with. bench/peers/world.py makes the same model for PyTorch.

#include "support/numbers.hpp"

#include <candor/model/scoring.hpp>

#include <cstdint>
#include <vector>

namespace candor_bench {

inline candor::llava_config mini_llava(int image_size = 336) {
  candor::llava_config c;
  c.vision = {.hidden_size = 384,
              .intermediate_size = 1536,
              .num_hidden_layers = 6,
              .num_attention_heads = 6,
              .image_size = image_size};
  c.text.vocab_size = 32064;
  c.text.hidden_size = 512;
  c.text.intermediate_size = 1408;
  c.text.num_hidden_layers = 8;
  c.text.num_attention_heads = c.text.num_key_value_heads = 8;
  c.text.head_dim = 64;
  c.text.tie_word_embeddings = true;
  return c;
}

/// Normal weights, norms around one.
template <class T>
void fill(candor::llava_network<candor::host, T>& network) {
  network.for_parameters([&](candor::parameter<candor::host, T>& p) {
    const bool norm = p.name().find("norm") != std::string::npos;
    p.storage() = random_tensor<T>(network.backend(), p.extents(), norm ? 1.0f : 0.02f);
  });
}

/// An image, a question and two answers of random words.
inline candor::encoded_record random_pair(const candor::llava_config& c, std::uint64_t seed,
                                          std::int64_t question, std::int64_t chosen, std::int64_t rejected) {
  candor::random_stream random(seed, 1);
  const auto words = [&](std::int64_t n) {
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>(random.below(32000)));
    return ids;
  };
  candor::encoded_record record;
  candor::segment stem;
  for (std::int32_t i = 0; i < c.image_tokens(); ++i) stem.tokens.push_back(candor::image_row(i));
  for (const auto id : words(question)) stem.tokens.push_back(id);
  record.tree.images = 1;
  record.tree.feature_rows = c.image_tokens();
  record.tree.segments = {
      stem, {.tokens = words(chosen), .parent = 0}, {.tokens = words(rejected), .parent = 0}};
  record.tree.cells = {{{1, {}}}, {{2, {}}}};
  record.pixels.resize(static_cast<std::size_t>(3 * c.vision.image_size * c.vision.image_size));
  for (auto& v : record.pixels) v = random.normal();
  return record;
}

}  // namespace candor_bench
