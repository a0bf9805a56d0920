// SPDX-License-Identifier: Apache-2.0
#include <candor/io/json_impl.hpp>

#include "rlaif_v/stages.hpp"
#include "training/train.hpp"

namespace rlaif_v {

void train(const round_context& r) {
  claim_stage(r, "train", "{}", r.file("pair"));
  training::options o = r.o;
  o.model = r.policy;
  o.data = r.file("pair");
  o.output = o.fit.run_folder = r.folder / "run";
  o.fit.resume = std::filesystem::exists(o.output) ? "auto" : "";
  o.fit.seed = r.s.seed;
  training::train(o, objective_of(r.s));
}

}  // namespace rlaif_v
