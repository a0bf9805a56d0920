// SPDX-License-Identifier: Apache-2.0
/// @file
/// POVID (arXiv 2402.11411): learns to prefer correct answers to hallucinated ones that were made to order,
/// and then to what it would say itself if it hardly saw the picture.
///   povid                                                         on the embedded world, in about a minute
///   povid --model DIR --data povid.json --images DIR --output DIR     on a LLaVA-1.5 and POVID records

#include <candor/io/atomic_file.hpp>
#include <candor/train/run_folder.hpp>
#include <candor/train/table.hpp>

#include "povid/scene_run.hpp"
#include "povid/stages.hpp"
#include "scenes/world.hpp"
#include "training/pipeline.hpp"

#include <algorithm>
#include <cstdio>

namespace {

using candor::fixed;

struct program_options : training::pipeline_options {
  povid::settings settings;
  std::vector<std::string> stages{"text", "noise"};
};

constexpr const char* lessons = R"(Try first:
  povid
      a small base that hallucinates is mended in a minute: no model, no data needed
  povid --model llava-1.5-7b-hf --data povid.json --images images --output runs/one --dry-run
      how your records look to the model; steps, memory and disk; in seconds and without weights
  povid --model llava-1.5-7b-hf --data povid.json --images images --output runs/one --dtype bf16
      both stages, as published: adapters that are merged after each
  povid --model llava-1.5-7b-hf --data answers.jsonl --images images --output runs/two \
      --stages inject text noise --injector http://localhost:8000/v1/chat/completions --injector-model gpt-4o
      on your own pictures, with questions and correct answers: a model makes the hallucinated ones
  povid ... the same options ... --resume auto       after Ctrl-C, SIGTERM, a kill or a crash

Where a run does not learn: raise --learning-rate (adapters want 1e-5 to 1e-4; the published 1e-7 is small).
Where it forgets to speak: raise --beta, or --sft-weight 0.1. --epochs and --learning-rate are the text stage's.

)";

void add_options(CLI::App& app, program_options& o) {
  auto& s = o.settings;
  auto* loss = training::group(app, "POVID");
  training::add_preset(*loss, o);
  loss->add_option("--stages", o.stages, "those to run; what the others leave behind must be there")
      ->check(CLI::IsMember(std::vector<std::string>(povid::stage_names.begin(), povid::stage_names.end())))
      ->type_name("inject text noise")
      ->configurable(false);
  loss->add_option("--beta", s.loss.beta, "how far the policy may move: reward a nat; the paper's alpha")
      ->check(CLI::PositiveNumber);
  loss->add_option("--sft-weight", s.sft_weight, "of - log p(chosen) beside the preference loss")
      ->check(CLI::NonNegativeNumber);
  auto* noise = training::group(app, "Noise stage");
  noise->add_option("--noise-loss", s.form, "average of two losses (released), or a single sigmoid (paper)")
      ->type_name("{average,single}");
  noise->add_option("--noise-share", s.loss.noise_share, "average: the noise's part of the loss")
      ->check(CLI::Range(0.0, 1.0));
  noise->add_option("--text-beta", s.loss.text_beta, "single: of the rejected text; the paper's beta 1")
      ->check(CLI::NonNegativeNumber);
  noise->add_option("--noise-beta", s.loss.noise_beta, "single: of the noise's tokens; the paper's beta 2")
      ->check(CLI::NonNegativeNumber);
  noise->add_option("--score-image", s.score_image, "under which picture the noise's tokens are scored")
      ->type_name("{clean,noisy}");
  noise->add_option("--ref-tokens", s.ref_tokens, "the reference scores its own tokens, or the policy's")
      ->type_name("{own,policy}");
  noise->add_option("--exclude-equal", s.loss.exclude_equal,
                    "the second likeliest token where the likeliest is the answer's: true or false");
  noise->add_option("--distortion", s.distortion,
                    "of the picture: KIND[,FIELD=VALUE...], as diffusion,stage=raw,overflow=wrap,step=500");
  noise->add_option("--fresh-distortion", o.training.fit.fresh_variants,
                    "drawn anew each epoch: true or false");
  noise->add_option("--noise-epochs", s.noise_epochs, "passes over the records")
      ->check(CLI::NonNegativeNumber);
  noise->add_option("--noise-learning-rate", s.noise_learning_rate, "peak rate; 0: --learning-rate")
      ->check(CLI::NonNegativeNumber);
  auto* inject = training::group(app, "Inject stage: hallucinated answers for your own pictures");
  inject->add_option("--injector", s.injector,
                     "model that makes them: a folder, or a server's URL (default: --model)");
  inject->add_option("--injector-model", s.injector_model, "its name, where it is a server's");
  inject
      ->add_option("--in-flight", s.in_flight,
                   "requests to a server at once; its key is read from OPENAI_API_KEY")
      ->check(CLI::PositiveNumber);
  inject->add_option("--temperature", s.temperature, "of the answers")->check(CLI::NonNegativeNumber);
  inject->add_option("--max-new-tokens,--max_new_tokens", s.max_new_tokens, "longest answer, </s> included")
      ->check(CLI::PositiveNumber);
  inject
      ->add_option("--min-similarity", s.limits.min_similarity,
                   "share of words that must be left of the correct answer, else it is dropped")
      ->check(CLI::Range(0.0, 1.0));
  training::world_group(app, o)
      .add_option("--pictures", s.pictures, "fresh pictures with a true and a hallucinated caption")
      ->check(CLI::PositiveNumber);
}

/// Means of what the seeds came to after a stage.
struct stage_mean {
  std::string_view stage;
  int seeds = 0;
  double hallucination = 0, recall = 0;  ///< sums, %
};

void run_world(const program_options& o) {
  candor::require<candor::usage_error>(
      std::find(o.stages.begin(), o.stages.end(), "inject") == o.stages.end(),
      "the stage inject makes hallucinated answers for pictures of your own: give --model and --data; the "
      "embedded world makes its own, leave the stage out");
  const auto base = scenes::base_folder();
  std::printf(
      "POVID on the embedded world: %d true captions, and a hallucinated one for each; the base is %s\n",
      o.settings.pictures, base.c_str());
  std::fflush(stdout);
  const auto before = scenes::evaluate_folder(base, {}, o.training.threads);
  auto heads = scenes::figure_heads();
  heads.push_back("seconds");
  candor::table table(std::move(heads));
  const auto add = [&](const std::string& name, const scenes::evaluation& e, const std::string& seconds) {
    auto cells = scenes::figure_cells(name, e.brief, fixed(e.yes_no, 1));
    cells.push_back(seconds);
    table.add(cells);
  };
  add("base", before.figures, "");
  std::vector<std::pair<std::string, scenes::evaluation>> figures{{"base", before.figures}};
  std::vector<scenes::captioned_scene> shown;
  std::vector<stage_mean> means;
  std::filesystem::path saved;  // by the first seed
  for (const std::uint64_t seed : o.seeds) {
    const auto stages = povid::run_on_scenes(o.settings, training::options_of_seed(o, seed), base, o.stages);
    for (const auto& done : stages) {
      figures.emplace_back(candor::text("seed ", seed, ", ", done.stage, " stage"), done.figures.figures);
      add(figures.back().first, done.figures.figures, fixed(done.seconds, 0));
      auto mean =
          std::find_if(means.begin(), means.end(), [&](const auto& m) { return m.stage == done.stage; });
      if (mean == means.end()) mean = means.insert(means.end(), {.stage = done.stage});
      ++mean->seeds;
      mean->hallucination += done.figures.figures.brief.mention_hallucination();
      mean->recall += done.figures.figures.brief.recall();
    }
    if (!saved.empty() || stages.empty()) continue;
    saved = stages.back().model;
    shown = scenes::mended(before.captions, stages.back().figures.captions);
  }
  std::printf("\n");
  scenes::show_captions(shown);
  std::printf("%s\n", table.str().c_str());
  for (const auto& m : means)
    std::printf("%s stage: hallucinated mentions fall by %s %%, recall goes from %s to %s %%\n",
                std::string(m.stage).c_str(),
                fixed(100 * (1 - m.hallucination / m.seeds / before.figures.brief.mention_hallucination()), 1)
                    .c_str(),
                fixed(before.figures.brief.recall(), 1).c_str(), fixed(m.recall / m.seeds, 1).c_str());
  const auto& folder = o.training.output;
  scenes::write_results(folder, figures, shown, {.before = "base", .after = "POVID"});
  std::printf(
      "\nrun folder          %s\naligned checkpoint  %s\npictures            %s\nreport              %s\n",
      folder.c_str(), saved.c_str(), (folder / "captions.svg").c_str(), (folder / "report.html").c_str());
}

void run_files(const program_options& o) {
  const bool injects = std::find(o.stages.begin(), o.stages.end(), "inject") != o.stages.end();
  candor::require<candor::usage_error>(!injects || !o.training.dry_run,
                                       "--dry-run looks at pairs, which the stage inject has yet to make; "
                                       "run --stages inject, and look at its "
                                       "inject/pairs.json as --data");
  if (o.training.dry_run) return povid::dry_run(o.settings, o.training);
  training::options options = o.training;
  if (options.images.empty()) options.images = options.data.parent_path();
  options.images = std::filesystem::absolute(options.images).lexically_normal();
  const povid::run_context run{.s = o.settings, .o = options};
  candor::require<candor::usage_error>(
      injects || o.settings.injector.empty() || std::filesystem::exists(run.injected()), "--injector ",
      o.settings.injector,
      " is asked by the stage inject, which --stages does not name; add it, or leave out "
      "--injector");
  const candor::run_folder root(options.output, !options.fit.resume.empty());
  for (const auto& [name, content] : options.fit.documents)
    candor::write_atomically(options.output / name, content);
  candor::table table({"stage", "seconds", "left behind"});
  for (const auto& done : povid::run_stages(run, o.stages))
    table.add({std::string(done.stage), fixed(done.seconds, 0),
               (done.stage == "inject" ? run.injected() : done.model).string()});
  if (std::filesystem::exists(run.injected())) {
    const auto c = povid::read_injection_counts(run);
    std::printf(
        "%lld of %lld answers have a hallucinated one; %lld replies were not in the form asked for, %lld "
        "unchanged, %lld rewritten\n",
        static_cast<long long>(c.kept), static_cast<long long>(c.answers),
        static_cast<long long>(c.unreadable), static_cast<long long>(c.unchanged),
        static_cast<long long>(c.rewritten));
  }
  std::printf("%s", table.str().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_pipeline(
      {.name = "povid",
       .description =
           "POVID: preference for correct answers over hallucinated ones, and over what is said of a "
           "noisy picture. Without --model it runs on the embedded world.",
       .lessons = lessons,
       .add = [&](CLI::App& app) { add_options(app, o); },
       .apply_preset =
           [&](const std::string& preset) { povid::apply_preset(preset, o.settings, o.training); },
       .on_files =
           [&] {
             povid::resolve(o.settings);
             run_files(o);
           },
       .on_world =
           [&] {
             povid::resolve(o.settings);
             run_world(o);
           },
       .resumes_by_stages = true},
      o, argc, argv);
}
