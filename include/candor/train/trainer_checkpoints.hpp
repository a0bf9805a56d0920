// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How a run saves itself and goes on: what decides its numbers, and what a checkpoint holds.

#include <candor/train/trainer_run.hpp>

namespace CANDOR_NS {

/// What decides the numbers of the run.
template <class Model, class Objective>
run_config trainer<Model, Objective>::run::describe() {
  run_config c;
  const auto& a = owner.optimizer_options_;
  c.add("total_steps", total_steps);
  c.add("batch_size", options.batch_size);
  c.add("max_tokens", options.max_tokens);
  c.add("layout", static_cast<int>(options.layout));
  c.add("shuffle", options.shuffle);
  c.add("seed", options.seed);
  c.add("learning_rate", a.learning_rate);
  c.add("lr_scheduler", static_cast<int>(options.schedule.kind));
  c.add("lr_floor", options.schedule.floor);
  c.add("warmup_ratio", options.schedule.warmup_ratio);
  c.add("warmup_steps", options.schedule.warmup_steps);
  c.add("adam_beta1", a.beta1);
  c.add("adam_beta2", a.beta2);
  c.add("adam_epsilon", a.epsilon);
  c.add("weight_decay", a.weight_decay);
  c.add("stochastic_rounding", a.stochastic_rounding);
  if (a.bf16_moments) c.add("bf16_moments", true);
  c.add("max_grad_norm", options.max_grad_norm);
  c.add("eval_fraction", options.eval_fraction);
  c.add("eval_steps", options.eval_steps);
  if (options.load_best_model_at_end) {
    c.add("metric_for_best_model", best.metric());
    c.add("greater_is_better", best.greater_is_better());
  }
  c.add("logging_steps", options.logging_steps);
  // Before what follows from them: where the reference comes from, say.
  std::string images;
  for (const auto& variant : records.reference.variants())
    images += (images.empty() ? "" : "; ") + variant.describe();
  if (!images.empty()) {
    c.add("distortion", images);
    c.add("fresh_distortion", records.reference.fresh());
  }
  c.add("reference", name_of(records.reference.from()));
  c.add("dtype", name_of(dtype_v<T>));
  c.add("trained_parameters", optimizer.parameters());
  owner.policy_.network().for_adapters([&](const std::string& layer, low_rank_adapter<B, T>& adapter) {
    c.add("lora scale of " + layer, adapter.scale);
    c.add("lora dropout of " + layer, adapter.dropout);
  });
  c.add_objective(owner.loss_);
  fingerprint model;
  add_model_files(model, owner.policy_.source(), "model");
  c.add(model);
  c.add(records.reference.print());
  if (separate) c.add(separate->reference.print(), "eval ");
  return c;
}

/// Bytes of a checkpoint's tensors.
template <class Model, class Objective>
std::uint64_t trainer<Model, Objective>::run::checkpoint_bytes() {
  std::uint64_t bytes = 0;
  for (const auto& source : optimizer.sources()) bytes += source.bytes();
  if (!owner.policy_.network().has_adapters())
    for (const auto& source : weight_sources(owner.policy_.network(), dtype_v<T>)) bytes += source.bytes();
  return bytes;
}

template <class Model, class Objective>
void trainer<Model, Objective>::run::save(std::int64_t step, run_log& log, const metrics_window& window,
                                          bool evaluation_due) {
  log.sync();
  save_checkpoint(folder.path(),
                  {.step = step,
                   .config_hash = config.hash(),
                   .expected_bytes = checkpoint_bytes(),
                   .keep = options.save_total_limit,
                   .best = best.state().step},
                  [&](const std::filesystem::path& to) {
                    if (owner.policy_.network().has_adapters())
                      save_adapter(owner.policy_, to);
                    else
                      save_llava(owner.policy_, to);
                    write_safetensors(to / "optimizer.safetensors", optimizer.sources());
                    std::string statistics;
                    if constexpr (has_statistics<Objective>)
                      statistics = hexadecimal(std::as_bytes(std::span(&step_runner.statistics(), 1)));
                    write_trainer_state(to / "trainer_state.json", {.global_step = step,
                                                                    .optimizer_steps = optimizer.steps(),
                                                                    .num_tokens = num_tokens,
                                                                    .metrics_offset = log.metrics_offset(),
                                                                    .evaluation_due = evaluation_due,
                                                                    .guard = guard.state(),
                                                                    .best = best.state(),
                                                                    .window = window.sums(),
                                                                    .statistics = statistics});
                  });
}

template <class Model, class Objective>
void trainer<Model, Objective>::run::load_policy(const std::filesystem::path& checkpoint) {
  if (owner.policy_.network().has_adapters())
    load_adapter_values(owner.policy_.network(), adapter_folder(checkpoint));
  else
    load_weights(owner.policy_.network(), checkpoint);
}

template <class Model, class Objective>
void trainer<Model, Objective>::run::resume() {
  if (options.resume.empty()) return;
  std::optional<found_checkpoint> found;
  if (options.resume == "auto") {
    auto search = find_checkpoint(folder.path());
    for (const auto& warning : search.warnings)
      progress({.quiet = options.quiet}).message("warning: " + warning);
    found = std::move(search.found);
    if (!found) return;
  } else {
    found = open_checkpoint(options.resume);
  }
  if (found->manifest.config_hash != config.hash()) {
    const std::string other = config.difference_from(folder.config_path());
    fail<usage_error>(found->folder.string(), ": this checkpoint was made with other data or options",
                      other.empty() ? "" : " (", other, other.empty() ? "" : ")",
                      "; resume with the same ones, or begin in a new folder");
  }
  load_policy(found->folder);
  start = read_trainer_state(found->folder / "trainer_state.json");
  optimizer.load(safetensors_file(found->folder / "optimizer.safetensors"));
  optimizer.set_steps(start.optimizer_steps);
  num_tokens = start.num_tokens;
  guard = numeric_guard(5, start.guard);
  if constexpr (has_statistics<Objective>) {
    const auto bytes = std::as_writable_bytes(std::span(&step_runner.statistics(), 1));
    require<input_error>(
        from_hexadecimal(start.statistics, bytes), found->folder.string(),
        ": the objective's statistics have another size; the checkpoint belongs to another objective");
  }
  if (!options.load_best_model_at_end) return;
  best = best_model(options.metric_for_best_model, options.greater_is_better, start.best);
  // What is to be loaded at the end must be there; better told now than then.
  if (start.best.step > 0 && start.best.step != start.global_step)
    open_checkpoint(checkpoint_path(folder.path(), start.best.step));
}

}  // namespace CANDOR_NS
