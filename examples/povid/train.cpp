// SPDX-License-Identifier: Apache-2.0
/// The training stages, with one objective, so that its trainer is compiled once.
#include "training/train.hpp"
#include "povid/stages.hpp"
#include "training/merge.hpp"

namespace povid {

void train(const run_context& run, std::string_view stage, const std::filesystem::path& model,
           const std::filesystem::path& pairs) {
  if (std::filesystem::exists(run.model(stage))) return;
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
  const auto adapter = o.output / "adapter";
  if (!std::filesystem::exists(adapter)) training::train(o, objective_of(run.s, noise));
  if (o.lora.rank > 0)
    training::merge_adapter({.model = model, .vision_tower = o.vision_tower, .adapter = adapter},
                            run.model(stage), o);
}

}  // namespace povid
