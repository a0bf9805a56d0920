// SPDX-License-Identifier: Apache-2.0
/// The training stages, with one objective, so that its trainer is compiled once.
#include "training/train.hpp"
#include "povid/stages.hpp"
#include "training/made_with.hpp"
#include "training/merge.hpp"

namespace povid {
namespace {

/// What decides a stage's outcome. The trainer's own checkpoints know more, but a stage that is done has
/// none.
template <class Objective>
candor::run_config recipe_of(const training::options& o, const Objective& loss) {
  candor::run_config c;
  c.add_objective(loss);
  for (const auto& variant : o.fit.variants) c.add("image", variant.describe());
  c.add("fresh_distortion", o.fit.fresh_variants);
  c.add("learning_rate", o.optimizer.learning_rate);
  c.add("adam_beta1", o.optimizer.beta1);
  c.add("adam_beta2", o.optimizer.beta2);
  c.add("weight_decay", o.optimizer.weight_decay);
  c.add("epochs", o.fit.epochs);
  c.add("max_steps", o.fit.max_steps);
  c.add("batch_size", o.fit.batch_size);
  c.add("lr_scheduler", o.scheduler);
  c.add("warmup_ratio", o.fit.schedule.warmup_ratio);
  c.add("warmup_steps", o.fit.schedule.warmup_steps);
  c.add("seed", o.fit.seed);
  c.add("lora_r", o.lora.rank);
  c.add("lora_alpha", o.lora.alpha);
  c.add("lora_dropout", o.lora.dropout);
  c.add("max_length", o.processor.max_length);
  training::add_model(c, o.model, o);
  candor::fingerprint files;
  if (std::filesystem::is_regular_file(o.data))
    files.add_file_stat(o.data, "pairs");
  else
    files.add("pairs", o.data.string());
  c.add(files);
  return c;
}

}  // namespace

void train(const run_context& run, std::string_view stage, const std::filesystem::path& model,
           const std::filesystem::path& pairs) {
  const bool noise = stage == "noise";
  training::options o = run.o;
  o.model = model;
  o.data = pairs;
  o.output = o.fit.run_folder = run.folder(stage);
  o.fit.resume = std::filesystem::exists(o.output) ? "auto" : "";
  if (noise) {
    o.fit.epochs = run.s.noise_epochs;
    if (run.s.noise_learning_rate > 0) o.optimizer.learning_rate = run.s.noise_learning_rate;
    o.fit.variants = {noisy_picture(run.s)};
  }
  const auto loss = objective_of(run.s, noise);
  claim_stage(run, stage, recipe_of(o, loss));
  if (std::filesystem::exists(run.model(stage))) return;
  const auto adapter = o.output / "adapter";
  if (!std::filesystem::exists(adapter)) training::train(o, loss);
  if (o.lora.rank > 0)
    training::merge_adapter({.model = model, .vision_tower = o.vision_tower, .adapter = adapter},
                            run.model(stage), o);
}

}  // namespace povid
