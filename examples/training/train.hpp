// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Loads a model, trains it with an objective, and writes what came out: a model folder or an adapter.

#include <candor/io/staged_folder.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/trainer.hpp>

#include "program/backend.hpp"
#include "training/options.hpp"
#include "training/outcome.hpp"
#include "training/records.hpp"

#include <filesystem>
#include <optional>
#include <utility>

namespace training {

/// The policy of the options, trained and saved.
template <class T, class B, class Objective>
outcome train_on(B& backend, const options& o, const Objective& loss, const candor::preference_data& records,
                 const std::optional<candor::preference_data>& eval_records) {
  auto policy =
      candor::load_llava<T>(backend, {.model = o.model, .vision_tower = o.vision_tower}, o.processor);
  if (o.lora.rank > 0) {
    auto lora = o.lora;
    lora.seed = o.fit.seed;
    policy.add_lora(lora);
  }
  candor::trainer trainer(policy, loss, o.optimizer);
  std::optional<candor::llava<B, T>> reference;
  if (!o.reference_model.empty())
    trainer.set_reference(reference.emplace(candor::load_llava<T>(
        backend, {.model = o.reference_model, .vision_tower = o.vision_tower}, o.processor)));
  if (eval_records) trainer.set_evaluation(*eval_records);
  const auto run = trainer.fit(records, o.fit);

  const candor::stop_signals later;  // one signal does not cost what was learnt: the result is written first
  const auto target = o.output / (o.lora.rank > 0 ? "adapter" : "model");
  candor::staged_folder folder(target);
  if (o.lora.rank > 0)
    candor::save_adapter(policy, folder.path());
  else
    candor::save_llava(policy, folder.path());
  folder.commit();
  return {target, run, backend.peak_bytes()};
}

template <class T, class Objective>
outcome train_as(const options& o, const Objective& loss) {
  const auto records = open_records(o.data, o, loss);  // before the model: what is wrong is told at once
  const auto eval_records = open_eval_records(o, loss);
  const options listed = with_skipped(o, records, eval_records);
  outcome result;
  program::with_backend(o.device, o.threads, [&](auto& backend) {
    result = train_on<T>(backend, listed, loss, records, eval_records);
  });
  return result;
}

/// In the element type that the options name.
template <class Objective>
outcome train(const options& o, const Objective& loss) {
  return o.dtype == "bf16" ? train_as<candor::bfloat16>(o, loss) : train_as<float>(o, loss);
}

}  // namespace training
