// SPDX-License-Identifier: Apache-2.0
/// @file
/// RLHF-V (arXiv 2312.00849): learns from corrections of its own mistakes, with more weight on what was
/// corrected.
///   rlhf_v                                                      on the embedded world, in about a minute
///   rlhf_v --model DIR --data pairs.jsonl --images DIR --output DIR   on a LLaVA-1.5 and RLHF-V records

#include <candor/io/atomic_file.hpp>
#include <candor/train/table.hpp>

#include "report/run_report.hpp"
#include "rlhf_v/scene_run.hpp"
#include "rlhf_v/train.hpp"
#include "scenes/claims.hpp"
#include "scenes/report_files.hpp"
#include "training/command_line.hpp"
#include "training/program.hpp"

#include <algorithm>
#include <cstdio>

namespace {

using candor::fixed;

struct program_options {
  rlhf_v::settings settings;
  training::options training;
  std::string preset = "auto";
  std::vector<std::uint64_t> seeds{1};
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

/// Options in the order of their strength: the preset fills in what the user has not given, so the command
/// line is read twice.
void add_options(CLI::App& app, program_options& o) {
  app.footer(lessons + app.get_footer());
  training::add_options(app, o.training);
  auto* loss = training::group(app, "Dense DPO");
  loss->add_option(
          "--preset", o.preset,
          "fills in what is not given (README.md has its numbers); auto: paper with --model, else scenes")
      ->type_name("{auto,paper,released,scenes}");
  loss->add_option("--beta", o.settings.loss.beta, "how far the policy may move: reward a nat")
      ->check(CLI::PositiveNumber);
  loss->add_option("--gamma", o.settings.loss.gamma, "weight of changed tokens")->check(CLI::PositiveNumber);
  loss->add_option("--normalise", o.settings.loss.normalise,
                   "divide by the sum of the weights: true or false");
  loss->add_option("--sft-weight", o.settings.sft_weight, "of - log p(chosen) beside the preference loss")
      ->check(CLI::NonNegativeNumber);
  auto* world = training::group(app, "Embedded world, without --model and --data");
  world->add_option("--seeds", o.seeds, "one run each, in one table (default: --seed, or 1)");
  world->add_option("--pictures", o.pictures, "fresh pictures that the base describes")
      ->check(CLI::PositiveNumber);
}

std::vector<std::string> row(const std::string& name, const scenes::evaluation& e, const std::string& pairs,
                             const std::string& seconds) {
  return {name,
          fixed(e.brief.mention_hallucination(), 1),
          fixed(e.brief.response_hallucination(), 1),
          fixed(e.brief.recall(), 1),
          fixed(e.brief.mean_words(), 1),
          fixed(e.yes_no, 1),
          pairs,
          seconds};
}

void show_captions(const std::vector<scenes::captioned_scene>& shown) {
  for (const auto& s : shown)
    std::printf("picture  %s\nbefore   %s\nafter    %s\n\n",
                scenes::caption(scenes::caption_style::brief, s.what.objects).c_str(), s.before.c_str(),
                s.after.c_str());
}

/// Held-out pictures about which the base says something that is not so.
std::vector<scenes::captioned_scene> pick(const std::vector<std::string>& before,
                                          const std::vector<std::string>& after) {
  const auto test = scenes::make_test_set();
  std::vector<scenes::captioned_scene> shown;
  for (std::size_t i = 0; i < test.scenes.size() && shown.size() < 8; ++i)
    if (scenes::annotate(test.scenes[i], before[i])) shown.push_back({test.scenes[i], before[i], after[i]});
  return shown;
}

/// The model that learned to hallucinate: in the source tree, or where it was installed beside this program.
std::filesystem::path base_of_scenes() {
  const auto source = std::filesystem::path(CANDOR_EXAMPLES_DIR) / "scenes" / "base";
  if (std::filesystem::exists(source)) return source;
  const auto program = std::filesystem::canonical("/proc/self/exe");
  return program.parent_path().parent_path() / "share/candor/scenes/base";
}

void run_world(const program_options& o) {
  const std::filesystem::path base = base_of_scenes();
  std::printf("RLHF-V on the embedded world: %d pictures described by the base in %s\n", o.pictures,
              base.c_str());
  std::fflush(stdout);
  const auto before = rlhf_v::evaluate_folder(base, {}, o.training.threads);
  candor::table table({"", "mentions that are lies %", "captions with a lie %", "recall %", "words",
                       "yes/no %", "pairs", "seconds"});
  table.add(row("base", before.figures, "", ""));
  std::vector<std::pair<std::string, scenes::evaluation>> stages{{"base", before.figures}};
  std::vector<scenes::captioned_scene> shown;
  std::filesystem::path first;  // what the first seed saved
  for (const std::uint64_t seed : o.seeds) {
    auto training = o.training;
    if (o.seeds.size() > 1) training.output /= candor::text("seed-", seed);
    const auto result =
        rlhf_v::run_on_scenes(o.settings, training, {.base = base, .pictures = o.pictures, .seed = seed});
    if (shown.empty()) shown = pick(before.captions, result.after.captions);
    stages.emplace_back(candor::text("RLHF-V, seed ", seed), result.after.figures);
    table.add(row(stages.back().first, result.after.figures, std::to_string(result.pairs),
                  fixed(result.seconds, 0)));
    if (first.empty()) first = result.saved;
  }
  const auto gallery = shown;
  shown.resize(std::min<std::size_t>(shown.size(), 3));
  std::printf("\n");
  show_captions(shown);
  std::printf("%s\n", table.str().c_str());
  const auto sheet = o.training.output / "captions.svg";
  const scenes::svg_labels labels{.before = "base", .after = "RLHF-V"};
  candor::write_atomically(sheet, scenes::svg_sheet(shown, labels));
  scenes::write_report_files(o.training.output, stages, gallery, labels);
  report::write_report(o.training.output);
  std::printf(
      "run folder          %s\naligned checkpoint  %s\nmetrics             %s\npictures            %s\n"
      "report              %s\n",
      o.training.output.c_str(), first.c_str(), (first.parent_path() / "metrics.jsonl").c_str(),
      sheet.c_str(), (o.training.output / "report.html").c_str());
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

/// A new folder for a run that was given none: runs/rlhf_v, runs/rlhf_v-2, ...
std::filesystem::path fresh_folder() {
  std::filesystem::path folder = "runs/rlhf_v";
  for (int i = 2; std::filesystem::exists(folder); ++i) folder = candor::text("runs/rlhf_v-", i);
  return folder;
}

void run(program_options o) {
  const bool files = !o.training.model.empty() || !o.training.data.empty();
  candor::require<candor::usage_error>(files || !o.training.dry_run, "--dry-run needs --model and --data");
  candor::require<candor::usage_error>(
      !files || (!o.training.model.empty() && !o.training.data.empty()),
      "--model and --data belong together; without both the embedded world is used");
  if (o.training.output.empty() && !files && o.training.fit.resume.empty())
    o.training.output = fresh_folder();
  training::resolve(o.training);
  files ? run_files(o) : run_world(o);
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_program(
      "rlhf_v",
      "RLHF-V: dense direct preference optimisation on corrected answers. Without --model it runs on the "
      "embedded world.",
      argc, argv, [&](CLI::App& app) { add_options(app, o); },
      [&](CLI::App& app) {
        if (app.count("--seed") > 0 && app.count("--seeds") == 0) o.seeds = {o.training.fit.seed};
        const bool files = !o.training.model.empty();
        rlhf_v::apply_preset(o.preset == "auto" ? (files ? "paper" : "scenes") : o.preset, o.settings,
                             o.training);
      },
      [&] { run(o); });
}
