// SPDX-License-Identifier: Apache-2.0
/// @file
/// Supervised fine-tuning of a LLaVA-1.5 on dialogs about images, such as LLaVA's instruction data:
///   sft --model DIR --data llava.json --images DIR --output DIR

#include <candor/train/table.hpp>

#include "sft/train.hpp"
#include "training/command_line.hpp"
#include "training/program.hpp"

#include <cstdio>
#include <string>

namespace {

struct program_options {
  candor::sft loss{};
  std::string average = "step";
  training::options training;
};

candor::sft_average average_named(const std::string& name) {
  if (name == "step") return candor::sft_average::step;
  if (name == "record") return candor::sft_average::record;
  if (name == "none") return candor::sft_average::none;
  candor::fail<candor::usage_error>("--average ", name, " is unknown: use step, record or none");
}

/// The numbers of LLaVA-1.5's finetune.sh, and of finetune_lora.sh with --lora-r.
void apply_defaults(training::options& o) {
  o.optimizer.learning_rate = o.lora.rank > 0 ? 2e-4 : 2e-5;
  o.fit.batch_size = 128;
  o.fit.schedule.warmup_ratio = 0.03;
  o.processor.cut_answers = true;
}

constexpr const char* lessons = R"(Try first:
  sft --model llava-1.5-7b-hf --data llava.json --images images --output runs/sft --dry-run
      how your records look to the model; steps, memory and disk; in seconds and without weights
  sft --model llava-1.5-7b-hf --data llava.json --images images --output runs/sft \
      --dtype bf16 --lora-r 128 --lora-alpha 256 --eval-fraction 0.01 --save-steps 50
  sft ... the same options ... --resume auto       after Ctrl-C, SIGTERM or a crash, bit for bit

Lengths are tokens, an image's included; losses are nats; memory and disk GiB.

)";

void add_options(CLI::App& app, program_options& o) {
  app.footer(lessons + app.get_footer());
  training::add_options(app, o.training);
  training::group(app, "Fine-tuning")
      ->add_option("--average", o.average,
                   "over what the loss is a mean: all scored tokens of a step, as LLaVA's code, or each "
                   "record's, so that short answers count as much as long ones; none: sums")
      ->type_name("{step,record,none}");
}

void run(program_options o) {
  candor::require<candor::usage_error>(!o.training.model.empty() && !o.training.data.empty(),
                                       "--model and --data are needed: a LLaVA-1.5 folder and records with "
                                       "conversations, messages, or question and answer");
  training::resolve(o.training);
  o.loss.average = average_named(o.average);
  if (o.training.dry_run) return sft::dry_run(o.loss, o.training);
  const auto result = sft::train(o.loss, o.training);
  std::printf("%s\nsaved    %s\nmetrics  %s\n", training::summary(result).c_str(), result.saved.c_str(),
              (o.training.output / "metrics.jsonl").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  program_options o;
  return training::run_program(
      "sft", "Supervised fine-tuning on dialogs about images; all answers of a dialog are learnt.", argc,
      argv, [&](CLI::App& app) { add_options(app, o); }, [&](CLI::App&) { apply_defaults(o.training); },
      [&] { run(o); });
}
