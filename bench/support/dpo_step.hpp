// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A step of DPO or mDPO of the mini-LLaVA: tower frozen, everything else trained (or LoRA alone), reference
/// given, AdamW at the end.

#include "support/mini_llava.hpp"

#include <candor/model/compiled.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/step.hpp>

#include <span>
#include <string>
#include <vector>

namespace candor_bench {

/// How much there is to do in a step.
struct step_size {
  std::int64_t pairs = 2;
  std::int64_t question = 60, answer = 150;  ///< tokens
  int image_size = 336;                      ///< pixels a side
  std::int64_t before = 0;                   ///< words of the question in front of the image
};

template <class T, class Objective = candor::dpo>
class preference_step {
 public:
  using host = candor::host;

  /// `rank` above 0 trains adapters alone.
  preference_step(host& cpu, const step_size& size, candor::layout_kind layout, int rank)
      : cpu_(cpu),
        network_(cpu, mini_llava(size.image_size)),
        optimizer_(cpu, {}, 0),
        runner_(network_, Objective{}, {.layout = layout}),
        reference_(static_cast<std::size_t>(size.answer), -10.0f),
        references_(static_cast<std::size_t>(size.pairs),
                    std::vector<std::span<const float>>(candor::cells_in<Objective>, reference_)) {
    fill(network_);
    if (rank > 0) network_.add_lora({.rank = rank, .alpha = 2.0 * rank});
    network_.for_parameters([&](candor::parameter<host, T>& p) {
      if (p.trainable()) optimizer_.add(p);
    });
    network_.for_adapters([&](const std::string&, auto& adapter) {
      optimizer_.add(adapter.a);
      optimizer_.add(adapter.b);
    });
    for (std::int64_t i = 0; i < size.pairs; ++i) {
      const auto pair = random_pair(network_.config(), static_cast<std::uint64_t>(i), size.question,
                                    size.answer, size.answer, size.before);
      records_.push_back(candor::cells_in<Objective> > 2 ? with_second_image(pair) : pair);
    }
    for (const auto& r : records_) pointers_.push_back(&r);
  }

  void run() {
    candor::step_values values;
    candor::tape<host> unused(cpu_, candor::tape<host>::mode::evaluate);
    runner_.run(pointers_, references_, {.tape = unused}, true, values, [] { return true; });
    benchmark::DoNotOptimize(optimizer_.gradient_norm());
    optimizer_.step(5e-7, 1.0);
  }

  candor::llava_network<host, T>& network() { return network_; }
  double tokens() const {
    double n = 0;
    for (const auto& r : records_) n += static_cast<double>(r.tree.tokens());
    return n;
  }

 private:
  host& cpu_;
  candor::llava_network<host, T> network_;
  candor::adamw_optimizer<host> optimizer_;
  candor::objective_step<host, T, Objective> runner_;
  std::vector<float> reference_;  // nats, one a token
  std::vector<std::vector<std::span<const float>>> references_;
  std::vector<candor::encoded_record> records_;
  std::vector<const candor::encoded_record*> pointers_;
};

template <class T>
using dpo_step = preference_step<T>;

}  // namespace candor_bench
