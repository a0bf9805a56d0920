// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The shapes that are measured, and a tiny one that shows whether a measurement runs at all.

#include <candor/model/llava_config.hpp>

#include <cstdint>

namespace candor_bench {

/// LLaVA-1.5-7B: the config's own defaults, with the rows that the Hugging Face folder adds for <image>,
/// <pad> and alignment.
inline candor::llava_config seven_billion() {
  candor::llava_config c;
  c.text.vocab_size = 32064;
  return c;
}

/// Two layers of every part, 16 tokens an image.
inline candor::llava_config tiny_llava(int vocab_size) {
  candor::llava_config c;
  c.vision = {.hidden_size = 64,
              .intermediate_size = 128,
              .num_hidden_layers = 2,
              .num_attention_heads = 4,
              .image_size = 56};
  c.text = {.vocab_size = vocab_size,
            .hidden_size = 64,
            .intermediate_size = 160,
            .num_hidden_layers = 2,
            .num_attention_heads = 4,
            .num_key_value_heads = 4,
            .head_dim = 16};
  return c;
}

/// What device_bench measures: a model, and the lengths of preference learning.
struct measured_shape {
  candor::llava_config model = seven_billion();
  std::int32_t pairs = 8, question = 60;                            ///< of a step; tokens
  std::int32_t answer = 150, short_answer = 40, long_answer = 300;  ///< tokens
  std::int32_t images = 32, samples = 10, text = 256;               ///< of decoding; tokens
  std::int32_t past = 128, sequence = 4096;          ///< tokens: of a decoded branch, of one long sequence
  std::int32_t questions = 80, short_question = 25;  ///< on one image; tokens
  int steps = 5;                                     ///< that are timed

  std::int32_t stem() const { return model.image_tokens() + question; }  ///< tokens
};

inline measured_shape tiny_shape() {
  return {.model = tiny_llava(32000),
          .pairs = 2,
          .question = 6,
          .answer = 10,
          .short_answer = 3,
          .long_answer = 20,
          .images = 2,
          .samples = 3,
          .text = 5,
          .past = 9,
          .sequence = 70,
          .questions = 3,
          .short_question = 4,
          .steps = 1};
}

}  // namespace candor_bench
