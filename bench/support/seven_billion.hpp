// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The shapes of LLaVA-1.5-7B.

#include <candor/model/llava_config.hpp>

namespace candor_bench {

/// The config's own defaults, with the rows that the Hugging Face folder adds for <image>, <pad> and
/// alignment.
inline candor::llava_config seven_billion() {
  candor::llava_config c;
  c.text.vocab_size = 32064;
  return c;
}

}  // namespace candor_bench
