// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Texts of a network with random weights, all images in flight at once.

#include "cuda/preference_steps.cuh"

#include <candor/model/generate.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace candor_bench {

/// Tokens per second, the images and questions included in the time, and peak memory, as a line.
inline void measure_texts(const measured_shape& shape) {
  using candor::bfloat16;
  using candor::cuda;
  cuda gpu{0};
  candor::llava_network<cuda, bfloat16> network(gpu, shape.model);
  fill_with_noise(gpu, network);
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> pointers;
  for (std::int64_t i = 0; i < shape.images; ++i)
    records.push_back(random_question(network.config(), static_cast<std::uint64_t>(i), shape.question));
  for (const auto& r : records) pointers.push_back(&r);
  candor::generate_options options{.max_new_tokens = std::min(16, shape.text),
                                   .temperature = 0.7,
                                   .samples = shape.samples,
                                   .stop_token = -1,
                                   .max_branches = std::int64_t{shape.images} * shape.samples,
                                   .max_tokens = std::int64_t{shape.images} * 1024};
  candor::generate(network, pointers, options);
  options.max_new_tokens = shape.text;
  const auto begin = std::chrono::steady_clock::now();
  candor::generate(network, pointers, options);
  const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  line(candor::text(shape.samples, " samples of ", shape.text, " tokens, ", shape.images, " images"),
       {{"seconds", time},
        {"tokens_per_second", static_cast<double>(shape.images) * shape.samples * shape.text / time},
        {"peak_gib", static_cast<double>(gpu.peak_bytes()) / (1 << 30)}});
}

}  // namespace candor_bench
