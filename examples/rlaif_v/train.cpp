// SPDX-License-Identifier: Apache-2.0
#include "training/train.hpp"
#include "rlaif_v/stages.hpp"
#include "training/merge.hpp"

namespace rlaif_v {

void train_pairs(const candor::with_sft<candor::dpo>& loss, const training::options& o) {
  training::train(o, loss);
}

void train(const round_context& r) {
  candor::run_config made_with;
  made_with.add("beta", r.s.loss.beta);
  made_with.add("sft-weight", r.s.sft_weight);
  made_with.add("lora-r", r.o.lora.rank);
  claim_stage(r, "train", made_with, r.file("pair"));
  training::options o = r.o;
  o.model = r.policy;
  o.data = r.file("pair");
  o.output = o.fit.run_folder = r.folder / "run";
  o.fit.resume = std::filesystem::exists(o.output) ? "auto" : "";
  o.fit.seed = r.s.seed;
  const auto adapter = o.output / "adapter";
  if (!std::filesystem::exists(adapter)) train_pairs(objective_of(r.s), o);
  if (o.lora.rank > 0)
    training::merge_adapter({.model = o.model, .vision_tower = o.vision_tower, .adapter = adapter},
                            r.file("train"), o);
}

}  // namespace rlaif_v
