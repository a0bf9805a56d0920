// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Texts of a network with LLaVA-1.5-7B's shapes and random weights: ten samples of 256 tokens an image, 32
/// images in flight.

#include "cuda/seven_billion.cuh"

#include <candor/model/generate.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace candor_bench {

/// Tokens per second, the images and questions included in the time, and peak memory, as a line.
inline void measure_decoding() {
  using candor::bfloat16;
  using candor::cuda;
  cuda gpu{0};
  candor::llava_network<cuda, bfloat16> network(gpu, seven_billion());
  fill_with_noise(gpu, network);
  constexpr std::int64_t images = 32, samples = 10, length = 256;
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> pointers;
  for (std::int64_t i = 0; i < images; ++i)
    records.push_back(random_question(network.config(), static_cast<std::uint64_t>(i), 60));
  for (const auto& r : records) pointers.push_back(&r);
  candor::generate_options options{.max_new_tokens = 16,
                                   .temperature = 0.7,
                                   .samples = samples,
                                   .stop_token = -1,
                                   .max_branches = images * samples,
                                   .max_tokens = images * 1024};
  candor::generate(network, pointers, options);
  options.max_new_tokens = length;
  const auto begin = std::chrono::steady_clock::now();
  candor::generate(network, pointers, options);
  const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  line("10 samples of 256 tokens, 32 images",
       {{"seconds", time},
        {"tokens_per_second", static_cast<double>(images * samples * length) / time},
        {"peak_gib", static_cast<double>(gpu.peak_bytes()) / (1 << 30)}});
}

}  // namespace candor_bench
