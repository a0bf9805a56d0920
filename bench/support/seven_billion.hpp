// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The shapes of LLaVA-1.5-7B.

#include <candor/model/llava_config.hpp>

namespace candor_bench {

inline candor::llava_config seven_billion() {
  candor::llava_config c;
  c.vision = {.hidden_size = 1024,
              .intermediate_size = 4096,
              .num_hidden_layers = 24,
              .num_attention_heads = 16,
              .image_size = 336,
              .patch_size = 14};
  c.text.vocab_size = 32064;
  c.text.hidden_size = 4096;
  c.text.intermediate_size = 11008;
  c.text.num_hidden_layers = 32;
  c.text.num_attention_heads = c.text.num_key_value_heads = 32;
  c.text.head_dim = 128;
  return c;
}

}  // namespace candor_bench
