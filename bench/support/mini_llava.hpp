// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A LLaVA of about 50 M parameters with 576 image tokens, random weights: what training
/// steps are measured with. bench/peers/world.py makes the same model for PyTorch.

#include "support/numbers.hpp"
#include "support/random_pair.hpp"

#include <candor/model/scoring.hpp>
#include <candor/train/variant_forest.hpp>

#include <utility>
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

/// The same pair for mDPO: the chosen answer once more under a second image. Both stems share the words in
/// front of their images.
inline candor::encoded_record with_second_image(const candor::encoded_record& pair) {
  candor::variant_forest stems(pair.tree, 1);
  std::vector<candor::scored_path> cells{stems.path(0, 0), stems.path(1, 0), stems.path(0, 1)};
  candor::encoded_record record{stems.take(), pair.pixels};
  record.tree.cells = std::move(cells);
  for (const float v : pair.pixels) record.pixels.push_back(-v);
  return record;
}

}  // namespace candor_bench
