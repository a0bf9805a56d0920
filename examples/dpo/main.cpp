// SPDX-License-Identifier: Apache-2.0
/// @file
/// Direct preference optimisation of a LLaVA-1.5 with any pairwise loss, or a weighted sum of them:
///   dpo --model DIR --data pairs.jsonl --images DIR --output DIR --loss-type sigmoid bco_pair sft

#include <candor/train/table.hpp>

#include "dpo/train.hpp"
#include "training/command_line.hpp"
#include "training/program.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>
#include <vector>

namespace {

struct program_options {
  candor::pairwise loss;
  training::options training;
  std::vector<std::string> types{"sigmoid"};
  std::vector<double> weights;
  std::string divergence = "reverse_kl";
};

constexpr const char* lessons = R"(Try first:
  dpo --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/dpo --dry-run
      how your records look to the model; steps, memory and disk; in seconds and without weights
  dpo --model llava-1.5-7b-hf --data pairs.jsonl --images images --output runs/mpo \
      --loss-type sigmoid bco_pair sft --loss-weights 0.8 0.2 1 \
      --dtype bf16 --lora-r 64 --lora-alpha 128 --learning-rate 1e-5
  dpo ... --loss-type simpo --beta 2       no reference is computed where no loss reads one
  dpo ... the same options ... --resume auto       after Ctrl-C, SIGTERM or a crash, bit for bit

Where both likelihoods fall: add sft, or take apo_zero or nca_pair, which hold the chosen answer up. Where answers
grow longer and longer: --ld-alpha 0.5. Where labels are often wrong: robust with --label-smoothing. examples/dpo/README.md has each loss with its formula and paper.

Lengths are tokens, an image's included; log-probs, losses and rewards are nats; memory and disk GiB.

)";

/// TRL's defaults, but for the losses whose papers have others.
void apply_defaults(const CLI::App& app, program_options& o) {
  o.training.optimizer.learning_rate = o.training.lora.rank > 0 ? 1e-5 : 1e-6;
  o.training.fit.batch_size = 8;
  o.training.fit.epochs = 3;
  if (app.count("--beta") == 0 && o.types.front() == "simpo") o.loss.beta = 2.0;
  if (app.count("--beta") == 0 && o.types.front() == "sigmoid_norm") o.loss.beta = 5.0;
  if (app.count("--label-smoothing") == 0 && o.types.front() == "exo_pair") o.loss.label_smoothing = 1e-3;
}

void add_options(CLI::App& app, program_options& o) {
  app.footer(lessons + app.get_footer());
  training::add_options(app, o.training);
  auto* loss = training::group(app, "Loss, under TRL's names");
  std::string names;
  for (const auto& entry : candor::loss_table)
    if (entry.type != candor::loss_type::none) names += (names.empty() ? "" : ",") + std::string(entry.name);
  loss->add_option("--loss-type,--loss_type", o.types, "one, or up to four that are added")
      ->type_name("{" + names + "}")
      ->expected(1, 4);
  loss->add_option("--loss-weights,--loss_weights", o.weights, "of each loss (default: 1)")->expected(1, 4);
  loss->add_option("--beta", o.loss.beta,
                   "how far the policy may move: reward a nat (simpo: 2, sigmoid_norm: 5)")
      ->check(CLI::PositiveNumber);
  loss->add_option("--label-smoothing,--label_smoothing", o.loss.label_smoothing,
                   "share of pairs taken to be labelled the wrong way: sigmoid, robust, exo_pair, aot");
  loss->add_option("--f-divergence-type,--f_divergence_type", o.divergence,
                   "from the reference: sigmoid, hinge, ipo, exo_pair, robust, discopop, sigmoid_norm")
      ->type_name("{reverse_kl,forward_kl,js_divergence,alpha_divergence}");
  loss->add_option("--f-alpha-divergence-coef,--f_alpha_divergence_coef", o.loss.score.alpha,
                   "alpha of alpha_divergence");
  loss->add_option("--discopop-tau,--discopop_tau", o.loss.discopop_tau, "temperature of discopop");
  loss->add_option("--simpo-gamma,--simpo_gamma", o.loss.simpo_gamma, "margin of simpo, in reward");
  loss->add_option("--cpo-alpha,--cpo_alpha", o.loss.cpo_alpha, "of the supervised term of cpo");
  loss->add_option("--bco-shift", o.loss.bco_shift,
                   "shift bco_pair by the running mean of rewards, as its paper: true or false");
  loss->add_option("--desirable-weight,--desirable_weight", o.loss.desirable_weight,
                   "of chosen answers in kto and kto_pair");
  loss->add_option("--undesirable-weight,--undesirable_weight", o.loss.undesirable_weight,
                   "of rejected answers in kto and kto_pair");
  loss->add_option("--ld-alpha,--ld_alpha", o.loss.ld_alpha,
                   "weight of tokens beyond the shorter answer's length, 0 to 1 (LD-DPO)");
  loss->add_option("--use-weighting,--use_weighting", o.loss.use_weighting,
                   "weigh pairs by how likely the policy finds them (WPO): true or false");
  loss->add_option("--margin-weight", o.loss.margin_weight,
                   "beta of a pair times 1 + this x the record's margin (MM-DPO: 0.1)");
}

/// Words into the objective; usage_error for unknown ones.
void resolve_loss(program_options& o) {
  using candor::require;
  using candor::usage_error;
  require<usage_error>(o.weights.empty() || o.weights.size() == o.types.size(), "--loss-weights has ",
                       o.weights.size(), " numbers, --loss-type names ", o.types.size());
  std::fill(std::begin(o.loss.terms), std::end(o.loss.terms), candor::pairwise::term{});
  for (std::size_t i = 0; i < o.types.size(); ++i) {
    const auto type = candor::loss_type_named(o.types[i]);
    require<usage_error>(type.has_value(), "--loss-type ", o.types[i], " is unknown: --help lists them");
    o.loss.terms[i] = {*type, o.weights.empty() ? 1.0 : o.weights[i]};
  }
  constexpr const char* divergences[] = {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"};
  const auto found = std::find(std::begin(divergences), std::end(divergences), o.divergence);
  require<usage_error>(found != std::end(divergences), "--f-divergence-type ", o.divergence,
                       " is unknown: use reverse_kl, forward_kl, js_divergence or alpha_divergence");
  o.loss.score.kind = static_cast<candor::divergence_kind>(found - std::begin(divergences));
  o.loss.check();
  require<usage_error>(o.training.fit.batch_size >= candor::smallest_batch(o.loss), "--batch-size ",
                       o.training.fit.batch_size, ": this loss compares the pairs of a step; take at least ",
                       candor::smallest_batch(o.loss));
}

void run(program_options o) {
  candor::require<candor::usage_error>(!o.training.model.empty() && !o.training.data.empty(),
                                       "--model and --data are needed: a LLaVA-1.5 folder and records with "
                                       "chosen and rejected answers");
  training::resolve(o.training);
  resolve_loss(o);
  if (o.training.dry_run) return dpo::dry_run(o.loss, o.training);
  const auto result = dpo::train(o.loss, o.training);
  std::printf("%s\nsaved    %s\nmetrics  %s\n", training::summary(result).c_str(), result.saved.c_str(),
              (o.training.output / "metrics.jsonl").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_program(
      "dpo",
      "Direct preference optimisation with any pairwise loss, or a weighted sum of them, on pairs with "
      "images.",
      argc, argv, [&](CLI::App& app) { add_options(app, o); }, [&](CLI::App& app) { apply_defaults(app, o); },
      [&] { run(o); });
}
