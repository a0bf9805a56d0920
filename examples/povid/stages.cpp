// SPDX-License-Identifier: Apache-2.0
#include "povid/stages.hpp"

#include <candor/train/run_folder.hpp>

#include "training/made_with.hpp"

#include <algorithm>
#include <chrono>

namespace povid {

void claim_stage(const run_context& run, std::string_view stage, const candor::run_config& made_with) {
  const auto note = run.o.output / "made_with" / candor::text(stage, ".json"), folder = run.folder(stage);
  if (!std::filesystem::exists(folder)) std::filesystem::remove(note);
  training::claim(note, made_with, candor::text("the stage ", stage, " in ", folder.string()),
                  "give the same ones, remove its folder, or choose another --output");
}

std::vector<stage_report> run_stages(const run_context& run, const std::vector<std::string>& stages) {
  std::filesystem::path model = run.o.model, pairs = run.o.data;
  std::vector<stage_report> reports;
  const auto wants = [&](std::string_view stage) {
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
  };
  for (const auto stage : stage_names) {
    const bool asked = wants(stage);
    const auto begin = std::chrono::steady_clock::now();
    if (stage == "inject") {
      if (asked) inject(run);
      pairs = asked ? run.injected() : pairs_of(run);
    } else {
      if (asked) train(run, stage, model, pairs);
      candor::require<candor::usage_error>(
          stage != "text" || asked || !wants("noise") || std::filesystem::exists(run.model(stage)),
          "the stage noise begins with ", run.model(stage).string(),
          ", which is not there; run the stage text first");
      model = run.model(stage);
    }
    if (asked)
      reports.push_back({stage, stage == "inject" ? std::filesystem::path() : model,
                         std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()});
  }
  return reports;
}

}  // namespace povid
