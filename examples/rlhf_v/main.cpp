// SPDX-License-Identifier: Apache-2.0
/// @file
/// RLHF-V (arXiv 2312.00849): learns from corrections of its own mistakes, with more weight on what was
/// corrected.
///   rlhf_v                                                      on the embedded world, in about a minute
///   rlhf_v --model DIR --data pairs.jsonl --images DIR --output DIR   on a LLaVA-1.5 and RLHF-V records

#include <candor/train/table.hpp>

#include "rlhf_v/scene_run.hpp"
#include "rlhf_v/train.hpp"
#include "scenes/world.hpp"
#include "training/pipeline.hpp"

#include <cstdio>

namespace {

using candor::fixed;

struct program_options : training::pipeline_options {
  rlhf_v::settings settings;
  int pictures = 800;
};

constexpr const char* lessons = R"(Try first:
  rlhf_v
      a small base that hallucinates is mended in a minute: no model, no data needed
  rlhf_v --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/one --dry-run
      how your records look to the model; steps, memory and disk; in seconds and without weights
  rlhf_v --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/one \
      --dtype bf16 --lora-r 64 --lora-alpha 128 --learning-rate 1e-5 \
      --eval-fraction 0.05 --eval-steps 50 --save-steps 50 --load-best-model-at-end true
  tensorboard --logdir runs
  rlhf_v ... the same options ... --resume auto       after Ctrl-C, SIGTERM or a crash, bit for bit
  rlhf_v --config runs/one/options.toml --output runs/two --beta 0.2       the same run with one change

Where a run does not learn: raise --learning-rate (adapters want 1e-5 to 1e-4) before anything else. Where it
forgets to speak: raise --beta, or --sft-weight 0.1. Where memory is short: --dtype bf16, --lora-r,
--recompute true, a smaller --max-tokens. The numbers of a step do not depend on --max-tokens and --layout.

Lengths are tokens, an image's included; log-probs, losses and rewards are nats; memory and disk GiB.
Options may be written with dashes or as TRL writes them.

)";

void add_options(CLI::App& app, program_options& o) {
  auto* loss = training::group(app, "Dense DPO");
  training::add_preset(*loss, o);
  loss->add_option("--beta", o.settings.loss.beta, "how far the policy may move: reward a nat")
      ->check(CLI::PositiveNumber);
  loss->add_option("--gamma", o.settings.loss.gamma, "weight of changed tokens")->check(CLI::PositiveNumber);
  loss->add_option("--normalise", o.settings.loss.normalise,
                   "divide by the sum of the weights: true or false");
  loss->add_option("--sft-weight", o.settings.sft_weight, "of - log p(chosen) beside the preference loss")
      ->check(CLI::NonNegativeNumber);
  training::world_group(app, o)
      .add_option("--pictures", o.pictures, "fresh pictures that the base describes")
      ->check(CLI::PositiveNumber);
}

std::vector<std::string> row(const std::string& name, const scenes::evaluation& e, const std::string& pairs,
                             const std::string& seconds) {
  auto cells = scenes::figure_cells(name, e.brief, fixed(e.yes_no, 1));
  cells.insert(cells.end(), {pairs, seconds});
  return cells;
}

void run_world(const program_options& o) {
  const auto base = scenes::base_folder();
  std::printf("RLHF-V on the embedded world: %d pictures described by the base in %s\n", o.pictures,
              base.c_str());
  std::fflush(stdout);
  const auto before = scenes::evaluate_folder(base, {}, o.training.threads);
  auto heads = scenes::figure_heads();
  heads.insert(heads.end(), {"pairs", "seconds"});
  candor::table table(std::move(heads));
  table.add(row("base", before.figures, "", ""));
  std::vector<std::pair<std::string, scenes::evaluation>> stages{{"base", before.figures}};
  std::vector<scenes::captioned_scene> shown;
  std::filesystem::path first;  // what the first seed saved
  for (const std::uint64_t seed : o.seeds) {
    const auto result = rlhf_v::run_on_scenes(o.settings, training::options_of_seed(o, seed),
                                              {.base = base, .pictures = o.pictures, .seed = seed});
    stages.emplace_back(candor::text("RLHF-V, seed ", seed), result.after.figures);
    table.add(row(stages.back().first, result.after.figures, std::to_string(result.pairs),
                  fixed(result.seconds, 0)));
    if (!first.empty()) continue;
    first = result.saved;
    shown = scenes::mended(before.captions, result.after.captions);
  }
  std::printf("\n");
  scenes::show_captions(shown);
  std::printf("%s\n", table.str().c_str());
  const auto& folder = o.training.output;
  scenes::write_results(folder, stages, shown, {.before = "base", .after = "RLHF-V"});
  std::printf(
      "run folder          %s\naligned checkpoint  %s\nmetrics             %s\npictures            %s\n"
      "report              %s\n",
      folder.c_str(), first.c_str(), (first.parent_path() / "metrics.jsonl").c_str(),
      (folder / "captions.svg").c_str(), (folder / "report.html").c_str());
}

void run_files(const program_options& o) {
  if (o.training.dry_run) return rlhf_v::dry_run(o.settings, o.training);
  const auto result = rlhf_v::train(o.settings, o.training);
  std::printf("%s\n", training::summary(result).c_str());
  if (result.run.best_step > 0)
    std::printf("best     step %lld: %s is %s\n", static_cast<long long>(result.run.best_step),
                o.training.fit.metric_for_best_model.c_str(), fixed(result.run.best_value, 4).c_str());
  std::printf("saved    %s\nmetrics  %s\n", result.saved.c_str(),
              (o.training.output / "metrics.jsonl").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_pipeline(
      {.name = "rlhf_v",
       .description = "RLHF-V: dense direct preference optimisation on corrected answers. Without --model it "
                      "runs on the embedded world.",
       .lessons = lessons,
       .add = [&](CLI::App& app) { add_options(app, o); },
       .apply_preset =
           [&](const std::string& preset) { rlhf_v::apply_preset(preset, o.settings, o.training); },
       .on_files = [&] { run_files(o); },
       .on_world = [&] { run_world(o); }},
      o, argc, argv);
}
