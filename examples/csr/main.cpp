// SPDX-License-Identifier: Apache-2.0
/// @file
/// CSR (arXiv 2405.14622): a model searches its answers sentence by sentence, CLIP says how well each
/// sentence fits the picture, and the model learns to prefer the best answer of the tree to the worst.
///   csr                                                                            on the embedded world
///   csr --model DIR --clip DIR --data instructions.jsonl --images DIR --output DIR     on a LLaVA-1.5

#include <candor/train/table.hpp>

#include "csr/csr.hpp"
#include "report/run_report.hpp"
#include "scenes/world.hpp"
#include "training/pipeline.hpp"

#include <cstdio>

namespace {

using candor::fixed;

struct program_options : training::pipeline_options {
  csr::settings settings;
};

constexpr const char* lessons = R"(Try first:
  csr
      two rounds on the embedded world, with its own small CLIP: no model, no data needed
  csr --model llava-1.5-7b-hf --clip clip-vit-large-patch14-336 --data instructions.jsonl --images images \
      --output runs/csr --dtype bf16
  csr ... the same options ... --dry-run            how instructions look to the model; reads no weights
  csr ... the same options ... --resume auto        after Ctrl-C, SIGTERM, a kill or a crash

An instruction is {"image": "a.jpg", "question": "..."}. A round writes trees.jsonl (each answer with its cost),
pairs.jsonl (CSR's own form, which dpo and others read) and run/model. Look at them.

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
  auto* search = training::group(app, "Search");
  search->add_option("--clip", s.clip, "CLIPModel folder that weighs sentences (the world has its own)")
      ->type_name("FOLDER");
  search->add_option("--num-beams", s.search.num_beams, "sentences that continue each open node")
      ->check(CLI::PositiveNumber);
  search->add_option("--num-beam-groups", s.search.num_beam_groups, "groups that these beams are in")
      ->check(CLI::PositiveNumber);
  search
      ->add_option("--diversity-penalty", s.search.diversity_penalty,
                   "nats, on a token for each beam of an earlier group that has just taken it")
      ->check(CLI::NonNegativeNumber);
  search->add_option("--max-new-tokens", s.search.max_new_tokens, "longest sentence")
      ->check(CLI::PositiveNumber);
  search->add_option("--max-characters", s.search.max_characters, "an answer of so many bytes is whole")
      ->check(CLI::PositiveNumber);
  search->add_option("--open-nodes", s.search.open_nodes, "with so many, only some are continued:")
      ->check(CLI::PositiveNumber);
  search->add_option("--keep-best", s.search.keep_best, "of the open nodes, by the model's score");
  search->add_option("--keep-worst", s.search.keep_worst, "so that there are answers to reject");
  auto* reward = training::group(app, "Reward and DPO");
  reward
      ->add_option("--reward", s.reward,
                   "of sentences: ranks among siblings, as released, or sums, as in the paper")
      ->type_name("{ranks,sums}");
  reward->add_option("--lambda", s.search.lambda, "weight of CLIP, beside the model's own score")
      ->check(CLI::Range(0.0, 1.0));
  reward->add_option("--beta", s.beta, "how far the policy may move: reward a nat")
      ->check(CLI::PositiveNumber);
  reward->add_option("--sft-weight", s.sft_weight, "of - log p(chosen) beside the preference loss")
      ->check(CLI::NonNegativeNumber);
  training::world_group(app, o)
      .add_option("--held-out", s.held_out, "pictures that models are evaluated on")
      ->check(CLI::PositiveNumber);
}

std::vector<std::string> row(const std::string& name, const scenes::evaluation& e, const std::string& pairs,
                             const std::string& seconds) {
  auto cells = scenes::figure_cells(name, e.brief, fixed(e.yes_no, 1));
  cells.insert(cells.end(), {pairs, seconds});
  return cells;
}

void run_world(program_options& o) {
  const auto base = scenes::base_folder();
  if (o.settings.clip.empty()) o.settings.clip = scenes::clip_folder();
  std::printf("CSR on the embedded world: %d rounds of %lld pictures by the base in %s\n", o.settings.rounds,
              static_cast<long long>(o.settings.instructions), base.c_str());
  std::fflush(stdout);
  const auto before = scenes::evaluate_folder(base, {}, o.training.threads, o.settings.held_out);
  auto heads = scenes::figure_heads();
  heads.insert(heads.end(), {"pairs", "seconds"});
  candor::table table(std::move(heads));
  table.add(row("base", before.figures, "", ""));
  std::vector<std::pair<std::string, scenes::evaluation>> stages{{"base", before.figures}};
  std::vector<scenes::captioned_scene> shown;
  std::filesystem::path first;  // what the first seed saved
  for (const std::uint64_t seed : o.seeds) {
    auto training = training::options_of_seed(o, seed);
    training.model = base;
    const auto rounds = csr::run_rounds(o.settings, training, true);
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const auto after =
          scenes::evaluate_folder(rounds[i].model, {}, o.training.threads, o.settings.held_out);
      stages.emplace_back(candor::text("seed ", seed, ", round ", i + 1), after.figures);
      table.add(row(stages.back().first, after.figures, std::to_string(rounds[i].pairs.pairs),
                    fixed(rounds[i].seconds, 0)));
      if (first.empty() && i + 1 == rounds.size()) shown = scenes::mended(before.captions, after.captions);
    }
    if (first.empty()) first = rounds.back().model;
  }
  std::printf("\n");
  scenes::show_captions(shown);
  std::printf("%s\n", table.str().c_str());
  const auto& folder = o.training.output;
  scenes::write_results(folder, stages, shown, {.before = "base", .after = "CSR"});
  std::printf("run folder          %s\naligned checkpoint  %s\nreport              %s\n", folder.c_str(),
              first.c_str(), (folder / "report.html").c_str());
}

void run_files(const program_options& o) {
  candor::require<candor::usage_error>(!o.settings.clip.empty(),
                                       "--clip is needed: the folder of a CLIP with both towers, ",
                                       "such as clip-vit-large-patch14-336");
  if (o.training.dry_run) return csr::dry_run(o.settings, o.training);
  candor::table table({"", "instructions", "sentences", "answers", "pairs", "seconds"});
  const auto rounds = csr::run_rounds(o.settings, o.training, false);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const auto& p = rounds[i].pairs;
    table.add({candor::text("round ", i + 1), std::to_string(p.instructions), std::to_string(p.sentences),
               std::to_string(p.answers), std::to_string(p.pairs), fixed(rounds[i].seconds, 0)});
  }
  const auto& folder = o.training.output;
  report::write_report(folder, {.images = o.training.images});
  std::printf("%s\nrun folder  %s\nsaved       %s\nreport      %s\n", table.str().c_str(), folder.c_str(),
              rounds.back().model.c_str(), (folder / "report.html").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_pipeline(
      {.name = "csr",
       .description =
           "CSR: a model searches its answers sentence by sentence and learns from what CLIP says of them. "
           "Without --model it runs on the embedded world.",
       .lessons = lessons,
       .add = [&](CLI::App& app) { add_options(app, o); },
       .apply_preset = [&](const std::string& preset) { csr::apply_preset(preset, o.settings, o.training); },
       .on_files =
           [&] {
             csr::resolve(o.settings);
             run_files(o);
           },
       .on_world =
           [&] {
             csr::resolve(o.settings);
             run_world(o);
           },
       .resumes_by_stages = true},
      o, argc, argv);
}
