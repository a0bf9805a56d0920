// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Yes or no to many questions about one image, together on one stem and one by one, of a network with random weights.

#include "cuda/preference_steps.cuh"

#include <candor/model/questions.hpp>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace candor_bench {

/// Milliseconds both ways, and how many times quicker the shared stem is, as a line.
inline void measure_questions(const measured_shape& shape) {
  using candor::bfloat16;
  using candor::cuda;
  cuda gpu{0};
  candor::llava_network<cuda, bfloat16> network(gpu, shape.model);
  fill_with_noise(gpu, network);
  candor::random_stream random(0, 3);
  auto together = random_question(network.config(), 0, shape.question);
  std::vector<candor::encoded_record> single;
  for (std::int32_t q = 0; q < shape.questions; ++q) {
    const auto words = random_words(random, shape.short_question);
    auto& alone = single.emplace_back(random_question(network.config(), 0, shape.question));
    auto& stem = alone.tree.segments.front().tokens;
    stem.insert(stem.end(), words.begin(), words.end());
    together.tree.segments.push_back({.tokens = words, .parent = 0});
  }
  const std::vector<std::int32_t> yes_and_no = {3869, 4874, 1939, 694};
  const auto seconds_of = [&](const auto& ask) {
    ask();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < shape.steps; ++i) ask();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / shape.steps;
  };
  const auto ask = [&](const candor::encoded_record& record) {
    const candor::encoded_record* const records[] = {&record};
    candor::next_log_probs(network, std::span<const candor::encoded_record* const>(records),
                           std::span<const std::int32_t>(yes_and_no));
  };
  const double shared = seconds_of([&] { ask(together); });
  const double alone = seconds_of([&] {
    for (const auto& record : single) ask(record);
  });
  line(candor::text(shape.questions, " questions of ", shape.short_question, " on a stem of ", shape.stem()),
       {{"milliseconds", 1e3 * shared}, {"one_by_one_milliseconds", 1e3 * alone}, {"times_as_fast", alone / shared}});
}

}  // namespace candor_bench
