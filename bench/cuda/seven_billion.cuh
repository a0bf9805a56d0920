// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// DPO steps of a network with LLaVA-1.5-7B's shapes and random weights: stem of 576 + 60, reference given;
/// answers of 150, and of 40 to 300.

#include "cuda/device_timer.cuh"
#include "support/random_pair.hpp"
#include "support/seven_billion.hpp"

#include <candor/model/scoring.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/step.hpp>

#include <chrono>
#include <span>
#include <vector>

namespace candor_bench {

struct step_kind {
  int rank = 0;            ///< of LoRA, 0: all weights but the tower's
  std::int64_t pairs = 8;  ///< of a step
  bool rounding = false, recompute = false;
  std::uint64_t memory_limit = 0;  ///< bytes
};

/// Normal weights, norms around one; a tensor at a time, so that no more memory is taken than they need.
inline void fill_with_noise(candor::cuda& gpu,
                            candor::llava_network<candor::cuda, candor::bfloat16>& network) {
  network.for_parameters([&](candor::parameter<candor::cuda, candor::bfloat16>& p) {
    const bool norm = p.name().find("norm") != std::string::npos;
    p.storage() = {};
    p.storage() = noise<candor::bfloat16>(gpu, p.extents(), norm ? 0.0f : 0.02f, norm ? 1.0f : 0.0f);
  });
}

/// Pairs per second and peak memory, as lines.
inline void measure_step(const step_kind& kind) {
  using candor::bfloat16;
  using candor::cuda;
  cuda gpu({.memory_limit = kind.memory_limit});
  candor::llava_network<cuda, bfloat16> network(gpu, seven_billion());
  fill_with_noise(gpu, network);
  if (kind.rank > 0) network.add_lora({.rank = kind.rank, .alpha = 2.0 * kind.rank});
  candor::adamw_optimizer<cuda> optimizer(
      gpu, {.stochastic_rounding = kind.rounding, .bf16_moments = kind.rounding}, 0);
  network.for_parameters([&](candor::parameter<cuda, bfloat16>& p) {
    if (p.trainable()) optimizer.add(p);
  });
  network.for_adapters([&](const std::string&, auto& adapter) {
    optimizer.add(adapter.a);
    optimizer.add(adapter.b);
  });
  const std::vector<float> reference(300, -10.0f);  // nats
  for (const bool uneven : {false, true}) {
    std::vector<candor::encoded_record> records;
    std::vector<const candor::encoded_record*> pointers;
    for (std::int64_t i = 0; i < kind.pairs; ++i) {
      const std::int64_t chosen = uneven ? 40 + 260 * i / std::max<std::int64_t>(kind.pairs - 1, 1) : 150;
      records.push_back(random_pair(network.config(), static_cast<std::uint64_t>(i), 60, chosen,
                                    uneven ? 340 - chosen : 150));
    }
    for (const auto& r : records) pointers.push_back(&r);
    const std::vector<std::vector<std::span<const float>>> references(records.size(), {reference, reference});
    candor::objective_step<cuda, bfloat16, candor::dpo> runner(network, {.beta = 0.1}, {.max_tokens = 8192});
    const auto step = [&] {
      candor::step_values values;
      candor::tape<cuda> unused(gpu, candor::tape<cuda>::mode::evaluate);
      runner.run(std::span<const candor::encoded_record* const>(pointers), references,
                 {.tape = unused, .recompute = kind.recompute}, true, values, [] { return true; });
      optimizer.gradient_norm();
      optimizer.step(5e-7, 1.0);
      gpu.synchronize();
      return values.loss;
    };
    step();
    step();
    constexpr int steps = 5;
    double loss = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) loss = step();
    const double time =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / steps;
    line(uneven ? "answers of 40 to 300" : "answers of 150",
         {{"milliseconds", time * 1e3},
          {"pairs_per_second", static_cast<double>(kind.pairs) / time},
          {"peak_gib", static_cast<double>(gpu.peak_bytes()) / (1 << 30)},
          {"loss", loss}});
  }
}

}  // namespace candor_bench
