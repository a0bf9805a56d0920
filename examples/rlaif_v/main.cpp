// SPDX-License-Identifier: Apache-2.0
/// @file
/// RLAIF-V (arXiv 2405.17220): a model that corrects itself. It answers, divides its answers into claims,
/// asks itself about each, and learns to prefer the answers whose claims it confirms.
///   rlaif_v                                                         on the embedded world, in about a minute
///   rlaif_v --model DIR --data instructions.jsonl --images DIR --output DIR     on a LLaVA-1.5 and
///   instructions

#include <candor/train/table.hpp>

#include "report/run_report.hpp"
#include "rlaif_v/pipeline.hpp"
#include "scenes/world.hpp"
#include "tools/contrast_options.hpp"
#include "training/pipeline.hpp"

#include <algorithm>
#include <cstdio>

namespace {

using candor::fixed;

struct program_options : training::pipeline_options {
  rlaif_v::settings settings;
  std::vector<std::string> stages{rlaif_v::stage_names.begin(), rlaif_v::stage_names.end()};
};

constexpr const char* lessons = R"(Try first:
  rlaif_v
      a small base that hallucinates mends itself in a minute: no model, no data, no labels needed
  rlaif_v --model llava-1.5-7b-hf --data instructions.jsonl --images images --output runs/one --dry-run
      how your instructions look to the model, and how much a round samples; in seconds and without weights
  rlaif_v --model llava-1.5-7b-hf --data instructions.jsonl --images images --output runs/one \
      --rounds 1 --instructions 0 --dtype bf16 --lora-r 64 --learning-rate 1e-5
  rlaif_v ... the same options ... --resume auto      after Ctrl-C, SIGTERM, a kill or a crash
  rlaif_v ... --judge http://localhost:8000/v1/chat/completions --judge-model llava-34b    a served judge
  rlaif_v ... --stages generate split                 some stages alone; --stages ask judge --resume auto later

An instruction is {"image": "a.jpg", "question": "..."}. A round writes candidates.jsonl, claims.jsonl,
questions.jsonl, verdicts.jsonl, pairs.jsonl (which rlhf_v and others read) and run/model. Look at them: each
line is an answer with what is known about it. Where no pairs come out, raise --temperature or --samples.

)";

void add_options(CLI::App& app, program_options& o) {
  auto& s = o.settings;
  auto* rounds = training::group(app, "Rounds");
  training::add_preset(*rounds, o);
  rounds->add_option("--rounds", s.rounds, "each from the model of the one before")
      ->check(CLI::PositiveNumber);
  rounds
      ->add_option("--instructions", s.instructions,
                   "of a round, its own ones; 0: all of --data in every round")
      ->check(CLI::NonNegativeNumber);
  rounds->add_option("--stages", o.stages, "those to run; files of the others must be there")
      ->check(
          CLI::IsMember(std::vector<std::string>(rlaif_v::stage_names.begin(), rlaif_v::stage_names.end())))
      ->type_name("generate split ask judge pair train evaluate")
      ->configurable(false);
  rounds
      ->add_option("--questions", s.questions,
                   "instructions whose greedy answers are judged before and after each round, as --data")
      ->type_name("FILE");
  auto* answers = training::group(app, "Answers and verdicts");
  answers->add_option("--samples,--num-return-sequences", s.samples, "answers to each instruction")
      ->check(CLI::PositiveNumber);
  answers->add_option("--temperature", s.temperature, "of the samples")->check(CLI::PositiveNumber);
  answers->add_option("--max-new-tokens,--max_new_tokens", s.max_new_tokens, "longest answer, </s> included")
      ->check(CLI::PositiveNumber);
  answers->add_option("--top-k", s.top_k, "draw from this many of the likeliest tokens; 0: all")
      ->check(CLI::NonNegativeNumber);
  answers
      ->add_option("--top-p", s.top_p,
                   "draw from the fewest tokens that have this probability together; 1: all")
      ->check(CLI::Range(0.0, 1.0));
  answers
      ->add_option("--repetition-penalty", s.repetition_penalty,
                   "on tokens that prompt or answer have already; 1: none")
      ->check(CLI::PositiveNumber);
  tools::add_contrast_options(*answers, s.contrast);
  answers
      ->add_option("--sampler", s.sampler, "another model whose answers are used (default: the round's own)")
      ->type_name("FOLDER");
  answers->add_option("--sampler-model", s.sampler_model, "its name, where it is a server's");
  answers->add_option("--splitter", s.splitter,
                      "what divides answers and asks: rules, policy, a model's folder, or a server's URL");
  answers->add_option("--splitter-model", s.splitter_model,
                      "its language model's name, where it is a server");
  answers->add_option("--judge", s.judge, "model that says which claims hold (default: the round's own)")
      ->type_name("FOLDER");
  answers->add_option("--judge-model", s.judge_model, "its name, where it is a server's");
  answers
      ->add_option("--in-flight", s.in_flight,
                   "requests to a server at once; its key is read from OPENAI_API_KEY")
      ->check(CLI::PositiveNumber);
  answers->add_option("--question-suffix", s.suffix, "follows each question to the judge");
  auto* pairs = training::group(app, "Pairs");
  pairs
      ->add_option("--score", s.score,
                   "of an answer: minus its unconfirmed claims, or the fraction that is confirmed")
      ->type_name("{unconfirmed,fraction}");
  pairs
      ->add_option("--min-gap", s.min_gap,
                   "between the scores of a pair (default: 1, or with --score fraction any)")
      ->type_name("FLOAT");
  pairs->add_option("--pairs-per-id", s.pairs.max_per_id, "drawn for each instruction; 0: all")
      ->check(CLI::NonNegativeNumber);
  pairs->add_option("--drop-repeated", s.pairs.drop_repeated,
                    "no answer that makes a claim twice: true or false");
  pairs->add_option("--balance-lengths", s.pairs.balance_lengths,
                    "drop winners that are much shorter: true or false");
  auto* loss = training::group(app, "DPO");
  loss->add_option("--beta", s.loss.beta, "how far the policy may move: reward a nat")
      ->check(CLI::PositiveNumber);
  loss->add_option("--sft-weight", s.sft_weight, "of - log p(chosen) beside the preference loss")
      ->check(CLI::NonNegativeNumber);
  auto& world = training::world_group(app, o);
  world.add_option("--held-out", s.held_out, "pictures that models are evaluated on")
      ->check(CLI::PositiveNumber);
  world.add_option("--best-of", s.best_of, "samples of which the implicit reward takes one")
      ->check(CLI::PositiveNumber);
}

std::vector<std::string> row(const std::string& name, const scenes::caption_metrics& m,
                             const std::string& yes_no, const std::string& labels, const std::string& pairs,
                             const std::string& seconds) {
  auto cells = scenes::figure_cells(name, m, yes_no);
  cells.insert(cells.end(), {labels, pairs, seconds});
  return cells;
}

void run_world(const program_options& o) {
  const auto base = scenes::base_folder();
  std::printf(
      "RLAIF-V on the embedded world: %d rounds of %lld pictures, %lld captions each, by the base in %s\n",
      o.settings.rounds, static_cast<long long>(o.settings.instructions),
      static_cast<long long>(o.settings.samples), base.c_str());
  std::fflush(stdout);
  const auto before = scenes::evaluate_folder(base, {}, o.training.threads, o.settings.held_out);
  auto heads = scenes::figure_heads();
  heads.insert(heads.end(), {"labels right %", "pairs", "seconds"});
  candor::table table(std::move(heads));
  table.add(row("base", before.figures.brief, fixed(before.figures.yes_no, 1), "", "", ""));
  std::vector<std::pair<std::string, scenes::evaluation>> figures{{"base", before.figures}};
  std::vector<scenes::captioned_scene> shown;
  std::filesystem::path aligned;  // of the first seed
  double fall = 0, labels = 0;
  std::size_t labelled = 0, trained = 0;  // rounds, and seeds
  for (const std::uint64_t seed : o.seeds) {
    auto training = training::options_of_seed(o, seed);
    auto settings = o.settings;
    settings.seed = seed;
    rlaif_v::resolve(settings);
    training.model = base;
    const auto run = rlaif_v::run_rounds(settings, training, o.stages, true);
    if (!run.complete || std::find(o.stages.begin(), o.stages.end(), "evaluate") == o.stages.end()) {
      std::printf("the stages that were asked for are done: %s\n", training.output.c_str());
      continue;
    }
    for (const auto& r : run.rounds) {
      const auto& e = r.scenes.after.figures;
      figures.emplace_back(candor::text("seed ", seed, ", round ", r.number), e);
      table.add(row(figures.back().first, e.brief, fixed(e.yes_no, 1), fixed(r.scenes.labels_right, 1),
                    std::to_string(r.pairs.pairs), fixed(r.seconds, 0)));
      labels += r.scenes.labels_right;
      ++labelled;
    }
    if (run.rounds.empty()) {
      std::printf("no pair was found and nothing trained: %s\n", training.output.c_str());
      continue;
    }
    const auto& last = run.rounds.back().scenes;
    for (const bool of_base : {true, false}) {
      const auto& samples = of_base ? last.of_base : last.of_policy;
      const std::string who = of_base ? "  base" : "  aligned";
      table.add(row(candor::text(who, " sample at T ", settings.temperature), samples.first, "", "", "", ""));
      table.add(row(candor::text(who, " best of ", settings.best_of), samples.best, "", "", "", ""));
    }
    fall += 100.0 * (1.0 - last.after.figures.brief.mention_hallucination() /
                               before.figures.brief.mention_hallucination());
    if (shown.empty()) {
      shown = scenes::mended(before.captions, last.after.captions);
      aligned = run.saved;
    }
    ++trained;
  }
  if (trained == 0) return;
  std::printf("\n");
  scenes::show_captions(shown);
  std::printf("%s\nhallucinated mentions fall by %s %%, %s %% of the labels are right\n", table.str().c_str(),
              fixed(fall / static_cast<double>(trained), 1).c_str(),
              fixed(labels / static_cast<double>(labelled), 1).c_str());
  scenes::write_results(o.training.output, figures, shown, {.before = "base", .after = "RLAIF-V"});
  const auto last = aligned.parent_path().parent_path();  // round-N/run/model
  std::printf(
      "run folder          %s\naligned checkpoint  %s\npairs               %s\nmetrics             "
      "%s\npictures            %s\nreport              %s\n",
      o.training.output.c_str(), aligned.c_str(), (last / "pairs.jsonl").c_str(),
      (last / "run/metrics.jsonl").c_str(), (o.training.output / "captions.svg").c_str(),
      (o.training.output / "report.html").c_str());
}

std::string share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? "-" : fixed(100.0 * static_cast<double>(part) / static_cast<double>(whole), 1);
}

void run_files(const program_options& o) {
  auto settings = o.settings;
  settings.seed = o.training.fit.seed;
  rlaif_v::resolve(settings);
  if (o.training.dry_run) return rlaif_v::dry_run(settings, o.training);
  const auto run = rlaif_v::run_rounds(settings, o.training, o.stages, false);
  candor::table table({"", "answers", "cut off", "claims each", "not confirmed %", "pairs", "seconds"});
  const auto add_round = [&](const rlaif_v::round_report& r) {
    table.add({candor::text("round ", r.number), std::to_string(r.pairs.answers),
               std::to_string(r.pairs.unfinished),
               fixed(static_cast<double>(r.pairs.claims) /
                         static_cast<double>(std::max<std::int64_t>(r.pairs.answers, 1)),
                     1),
               share(r.pairs.claims - r.pairs.confirmed, r.pairs.claims), std::to_string(r.pairs.pairs),
               fixed(r.seconds, 0)});
  };
  for (const auto& r : run.rounds) add_round(r);
  if (run.without_pairs) add_round(*run.without_pairs);
  if (!run.rounds.empty() || run.without_pairs) std::printf("%s", table.str().c_str());
  if (!settings.questions.empty() && run.complete) {
    candor::table judged({"greedy answers to --questions", "answers", "words each", "claims each",
                          "not confirmed by the first model %"});
    const auto add = [&](const std::string& name, const rlaif_v::answer_figures& f) {
      const auto each = [&](std::int64_t n) {
        return fixed(static_cast<double>(n) / static_cast<double>(std::max<std::int64_t>(f.answers, 1)), 1);
      };
      judged.add({name, std::to_string(f.answers), each(f.words), each(f.claims),
                  share(f.claims - f.confirmed, f.claims)});
    };
    add("before", run.before);
    for (const auto& r : run.rounds) add(candor::text("after round ", r.number), r.answers);
    std::printf("\n%s", judged.str().c_str());
  }
  std::printf("\nrun folder  %s\n", o.training.output.c_str());
  if (run.complete) std::printf("saved       %s\n", run.saved.c_str());
  if (run.rounds.empty()) return;
  report::write_report(o.training.output, {.images = o.training.images});
  std::printf("report      %s\n", (o.training.output / "report.html").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_pipeline(
      {.name = "rlaif_v",
       .description =
           "RLAIF-V: a model learns from its own verdicts on its own claims. Without --model it runs "
           "on the embedded world.",
       .lessons = lessons,
       .add = [&](CLI::App& app) { add_options(app, o); },
       .apply_preset =
           [&](const std::string& preset) { rlaif_v::apply_preset(preset, o.settings, o.training); },
       .on_files = [&] { run_files(o); },
       .on_world = [&] { run_world(o); },
       .resumes_by_stages = true},
      o, argc, argv);
}
