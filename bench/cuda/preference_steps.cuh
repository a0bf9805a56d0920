// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// DPO steps of a network with random weights, reference given: answers of one length, and of different ones.

#include "cuda/device_timer.cuh"
#include "support/random_pair.hpp"
#include "support/shapes.hpp"

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
  std::int64_t pairs = 0;  ///< of a step, 0: the shape's
  bool rounding = false, recompute = false;
};

/// Normal weights, norms around one; a tensor at a time, so that no more memory is taken than they need.
inline void fill_with_noise(candor::cuda& gpu,
                            candor::llava_network<candor::cuda, candor::bfloat16>& network) {
  network.for_parameters([&](candor::parameter<candor::cuda, candor::bfloat16>& p) {
    const bool norm = p.name().find("norm") != std::string::npos;
    const candor::shape extents = p.extents();
    p.storage() = {};
    p.storage() = noise<candor::bfloat16>(gpu, extents, norm ? 0.0f : 0.02f, norm ? 1.0f : 0.0f);
  });
}

/// A network, its optimizer, and the records of a step.
class preference_steps {
 public:
  using cuda = candor::cuda;
  using bfloat16 = candor::bfloat16;

  preference_steps(const measured_shape& shape, const step_kind& kind, const candor::cuda_options& device)
      : shape_(shape),
        kind_(kind),
        gpu_(device),
        network_(gpu_, shape.model),
        optimizer_(gpu_, {.stochastic_rounding = kind.rounding, .bf16_moments = kind.rounding}, 0),
        runner_(network_, {.beta = 0.1}, {.max_tokens = 8192}),
        reference_(static_cast<std::size_t>(shape.long_answer), -10.0f),
        references_(static_cast<std::size_t>(pairs()), {reference_, reference_}) {
    fill_with_noise(gpu_, network_);
    if (kind.rank > 0) network_.add_lora({.rank = kind.rank, .alpha = 2.0 * kind.rank});
    network_.for_parameters([&](candor::parameter<cuda, bfloat16>& p) {
      if (p.trainable()) optimizer_.add(p);
    });
    network_.for_adapters([&](const std::string&, auto& adapter) {
      optimizer_.add(adapter.a);
      optimizer_.add(adapter.b);
    });
    set_answers(false);
  }

  cuda& gpu() { return gpu_; }

  std::int64_t pairs() const { return kind_.pairs > 0 ? kind_.pairs : shape_.pairs; }

  /// Answers of one length, or from short to long, with as many tokens in each pair.
  void set_answers(bool uneven) {
    records_.clear();
    pointers_.clear();
    const std::int64_t low = shape_.short_answer, high = shape_.long_answer;
    for (std::int64_t i = 0; i < pairs(); ++i) {
      const std::int64_t chosen = uneven ? low + (high - low) * i / std::max<std::int64_t>(pairs() - 1, 1) : shape_.answer;
      records_.push_back(random_pair(network_.config(), static_cast<std::uint64_t>(i), shape_.question, chosen,
                                     uneven ? low + high - chosen : shape_.answer));
    }
    for (const auto& r : records_) pointers_.push_back(&r);
  }

  /// The loss of one step.
  double run() {
    candor::step_values values;
    candor::tape<cuda> unused(gpu_, candor::tape<cuda>::mode::evaluate);
    runner_.run(std::span<const candor::encoded_record* const>(pointers_), references_,
                {.tape = unused, .recompute = kind_.recompute}, true, values, [] { return true; });
    optimizer_.gradient_norm();
    optimizer_.step(5e-7, 1.0);
    gpu_.synchronize();
    return values.loss;
  }

  /// Seconds of a step, the mean of so many after two that nobody times.
  double seconds(int steps) {
    run();
    run();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < steps; ++i) loss_ = run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / steps;
  }
  /// Of the last step that was timed.
  double loss() const { return loss_; }

 private:
  measured_shape shape_;
  step_kind kind_;
  cuda gpu_;
  candor::llava_network<cuda, bfloat16> network_;
  candor::adamw_optimizer<cuda> optimizer_;
  candor::objective_step<cuda, bfloat16, candor::dpo> runner_;
  std::vector<candor::encoded_record> records_;
  std::vector<const candor::encoded_record*> pointers_;
  std::vector<float> reference_;  // nats
  std::vector<std::vector<std::span<const float>>> references_;
  double loss_ = 0;
};

/// Pairs per second and peak memory, as lines.
inline void measure_step(const measured_shape& shape, const step_kind& kind, std::uint64_t memory_limit = 0) {
  preference_steps steps(shape, kind, {.memory_limit = memory_limit});
  for (const bool uneven : {false, true}) {
    steps.set_answers(uneven);
    const double time = steps.seconds(shape.steps);
    line(uneven ? candor::text("answers of ", shape.short_answer, " to ", shape.long_answer)
                : candor::text("answers of ", shape.answer),
         {{"milliseconds", time * 1e3},
          {"pairs_per_second", static_cast<double>(steps.pairs()) / time},
          {"peak_gib", static_cast<double>(steps.gpu().peak_bytes()) / (1 << 30)},
          {"loss", steps.loss()}});
  }
}

}  // namespace candor_bench
