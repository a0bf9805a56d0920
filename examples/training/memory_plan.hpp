// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The memory that a training takes, found by running one of its steps on a backend that only keeps the
/// books.

#include <candor/backend/ledger.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/llava_network.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/compiled.hpp>
#include <candor/train/step.hpp>

#include "training/options.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace training {

/// Bytes, unless it is said otherwise.
struct memory_plan {
  double parameters = 0, trained = 0;  ///< numbers
  double weights = 0, adapters = 0, masters = 0, moments = 0, gradients = 0, activations = 0, reference = 0;
  double saving = 0;      ///< copies of the largest tensor while a checkpoint is written
  double checkpoint = 0;  ///< on the disk
  double result = 0;      ///< of the model or adapter that comes out, on the disk
  double flops = 0;       ///< of a step's matrix products
  double tokens = 0;      ///< of the step

  double total() const {
    return weights + adapters + masters + moments + gradients + activations + reference + saving;
  }
};

/// The books of a step on these records. Their pixels must have the right number of values, but may be
/// anything.
template <class T, class Objective>
memory_plan plan_memory(const candor::llava_config& config, const options& o, const Objective& loss,
                        std::span<const candor::encoded_record* const> records) {
  using candor::ledger;
  memory_plan plan;
  ledger books;
  double seen = 0;
  const auto added = [&] {
    const auto now = static_cast<double>(books.bytes_in_use());
    return now - std::exchange(seen, now);
  };
  candor::llava_network<ledger, T> network(books, config);
  network.for_parameters([&](auto& p) { plan.parameters += static_cast<double>(p.size()); });
  plan.weights = added();
  if (o.lora.rank > 0) network.add_lora(o.lora);
  plan.adapters = added();

  candor::adamw_optimizer<ledger> optimizer(books, o.optimizer, o.fit.seed);
  const auto train = [&](auto& p) {
    optimizer.add(p);
    plan.saving = std::max(plan.saving, 2 * 4 * static_cast<double>(p.size()));
  };
  network.for_parameters([&](auto& p) {
    if (p.trainable()) train(p);
  });
  network.for_adapters([&](const std::string&, auto& adapter) {
    train(adapter.a);
    train(adapter.b);
  });
  plan.trained = static_cast<double>(optimizer.parameters());
  plan.moments = 2 * 4 * plan.trained;
  plan.masters = added() - plan.moments;

  candor::objective_step<ledger, T, Objective> runner(
      network, loss, {.layout = o.fit.layout, .max_tokens = o.fit.max_tokens});
  if (candor::reads_kl(loss)) runner.set_reference({&network, false});
  std::size_t longest = 0;
  for (const auto* r : records)
    for (const auto& s : r->tree.segments) longest = std::max(longest, s.tokens.size());
  const std::vector<float> zeros(longest);
  const std::vector<std::vector<std::span<const float>>> references(
      records.size(),
      std::vector<std::span<const float>>(static_cast<std::size_t>(candor::cells_in<Objective>), zeros));
  candor::tape<ledger> unused(books, candor::tape<ledger>::mode::evaluate);
  const candor::forward_context<ledger> settings{
      .tape = unused, .dropout = true, .recompute = o.fit.recompute, .seed = o.fit.seed, .step = 0};
  candor::step_values values;
  // A reference that runs in each step comes and goes before the policy's passes, so it is no part of the
  // peak; but where a loss reads the divergence from it, it runs beside the policy. Twice: in a step of
  // several passes, the gradients of the first ones are there while a later one runs.
  runner.run(records, references, settings, true, values, [] { return true; });
  plan.flops = books.product_flops();
  plan.gradients = added();
  const bool several = candor::pack(candor::trees_of(records), {o.fit.layout, o.fit.max_tokens}).size() > 1;
  if (several) runner.run(records, references, settings, true, values, [] { return true; });
  plan.tokens = values.tokens / (several ? 2 : 1);
  optimizer.step(0.0, 1.0);
  plan.activations = static_cast<double>(books.peak_bytes()) - (plan.total() - plan.saving);
  if (!o.reference_model.empty()) plan.reference = plan.weights;

  plan.checkpoint = plan.moments + plan.masters + (o.lora.rank > 0 ? plan.adapters : plan.weights);
  plan.result = o.lora.rank > 0 ? plan.adapters : plan.weights;
  return plan;
}

}  // namespace training
