// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The command line of training programs: TRL's names where they mean the same, with dashes or underscores.

#include "training/options.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <system_error>

namespace training {

/// Adds the options to a program; values that are set before are shown as defaults.
inline void add_options(CLI::App& app, options& o) {
  app.option_defaults()->always_capture_default();
  auto* files = app.add_option_group("Files");
  files->add_option("--model,--model_name_or_path", o.model,
                    "LLaVA-1.5 folder: Hugging Face or original layout");
  files->add_option("--vision-tower,--vision_tower", o.vision_tower,
                    "CLIP folder, for a model in original LLaVA's layout that names its tower only");
  files->add_option("--data,--dataset_name", o.data,
                    "preference records, one JSON object a line: image, question, chosen, rejected");
  files->add_option("--images", o.images, "folder that image names start from (default: the data file's)");
  files->add_option("--output,--output_dir", o.output,
                    "run folder; must be new or empty, unless --resume is given");
  files->add_option("--reference-model,--ref_model", o.reference_model,
                    "a second model as reference (default: --model as it is)");
  files->add_option("--template", o.processor.chat_template, "auto, vicuna_v1, llava_v1 or llava_hf");
  files->add_option("--image-transform", o.image_transform, "auto, pad, centre_crop or squash");

  auto* train = app.add_option_group("Training");
  train->add_option("--learning-rate,--learning_rate", o.optimizer.learning_rate, "peak rate of AdamW")
      ->check(CLI::NonNegativeNumber);
  train->add_option("--epochs,--num_train_epochs", o.fit.epochs, "passes over the records")
      ->check(CLI::NonNegativeNumber);
  train
      ->add_option("--max-steps,--max_steps", o.fit.max_steps,
                   "optimizer steps instead of epochs; 0: by epochs")
      ->check(CLI::NonNegativeNumber);
  train
      ->add_option("--batch-size,--per_device_train_batch_size", o.fit.batch_size,
                   "pairs of an optimizer step")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--max-tokens", o.fit.max_tokens,
                   "token budget of a pass; a step takes as many passes as it needs")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--max-length,--max_length", o.processor.max_length,
                   "tokens of prompt and answer, the image's included")
      ->check(CLI::PositiveNumber);
  train->add_option("--truncation-mode,--truncation_mode", o.truncation, "of a question that is too long: keep_end or keep_start");
  train->add_option("--cut-answers", o.processor.cut_answers, "shorten answers that are too long, instead of refusing: true or false");
  train->add_option("--lr-scheduler,--lr_scheduler_type", o.scheduler, "cosine, linear or constant");
  train
      ->add_option("--warmup-ratio,--warmup_ratio", o.fit.schedule.warmup_ratio,
                   "share of the steps that warm up")
      ->check(CLI::Range(0.0, 1.0));
  train->add_option("--weight-decay,--weight_decay", o.optimizer.weight_decay, "of AdamW")
      ->check(CLI::NonNegativeNumber);
  train->add_option("--adam-beta1,--adam_beta1", o.optimizer.beta1, "of AdamW")->check(CLI::Range(0.0, 1.0));
  train->add_option("--adam-beta2,--adam_beta2", o.optimizer.beta2, "of AdamW")->check(CLI::Range(0.0, 1.0));
  train->add_option("--adam-epsilon,--adam_epsilon", o.optimizer.epsilon, "of AdamW")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--max-grad-norm,--max_grad_norm", o.fit.max_grad_norm,
                   "longer gradients are scaled down; 0: never")
      ->check(CLI::NonNegativeNumber);
  train->add_option("--seed", o.fit.seed, "of order, split and dropout (the embedded world has --seeds)")
      ->check(CLI::NonNegativeNumber);
  train->add_option("--shuffle", o.fit.shuffle, "a new order each epoch: true or false");
  train->add_option("--dtype", o.dtype, "f32, or bf16 with an fp32 master copy");
  train->add_option("--stochastic-rounding", o.optimizer.stochastic_rounding,
                    "bf16 without the master copy: true or false");
  train->add_option("--recompute,--gradient_checkpointing", o.fit.recompute,
                    "less memory, more time: true or false");
  train->add_option("--layout", o.layout,
                    "shared (each stem once), packed or padded; the numbers are the same");
  train->add_option("--reference", o.reference,
                    "cache (computed once before training) or adapters-off (every step)");
  train->add_option("--hash-images", o.fit.hash_images,
                    "the cache's fingerprint reads image bytes: true or false");
  train->add_option("--threads", o.threads, "0: one for each core")->check(CLI::NonNegativeNumber);

  auto* lora = app.add_option_group("LoRA", "trains low-rank corrections instead of the weights");
  lora->add_option("--lora-r,--lora_r", o.lora.rank, "rank; 0: train the weights themselves")
      ->check(CLI::NonNegativeNumber);
  lora->add_option("--lora-alpha,--lora_alpha", o.lora.alpha, "the correction is scaled by alpha / r")
      ->check(CLI::NonNegativeNumber);
  lora->add_option("--lora-dropout,--lora_dropout", o.lora.dropout, "of the correction's input")
      ->check(CLI::Range(0.0, 1.0));
  lora->add_option("--lora-target-modules,--lora_target_modules", o.lora.target_modules,
                   "layers, as q_proj v_proj (default: all linear layers of the decoder)");

  auto* watch = app.add_option_group("Watching and stopping");
  watch->add_option("--eval-fraction", o.fit.eval_fraction, "share of the records that is set aside")
      ->check(CLI::Range(0.0, 1.0));
  watch
      ->add_option("--eval-steps,--eval_steps", o.fit.eval_steps,
                   "evaluate every so many steps; 0: at the end")
      ->check(CLI::NonNegativeNumber);
  watch
      ->add_option("--logging-steps,--logging_steps", o.fit.logging_steps,
                   "a line of metrics.jsonl every so many steps")
      ->check(CLI::PositiveNumber);
  watch
      ->add_option("--save-steps,--save_steps", o.fit.save_steps,
                   "a checkpoint every so many steps; 0: only when stopped")
      ->check(CLI::NonNegativeNumber);
  watch
      ->add_option("--save-total-limit,--save_total_limit", o.fit.save_total_limit,
                   "checkpoints that are kept; 0: all")
      ->check(CLI::NonNegativeNumber);
  watch->add_option("--resume,--resume_from_checkpoint", o.fit.resume,
                    "auto: the newest sound checkpoint; or its folder");
  watch->add_option("--quiet", o.fit.quiet, "no progress: true or false");
}

/// A new run needs a new or empty folder. The trainer asks for the same, but after the model is loaded.
inline void require_new(const options& o) {
  std::error_code failed;
  if (!o.fit.resume.empty() || !std::filesystem::is_directory(o.output, failed)) return;
  for (const auto& entry : std::filesystem::directory_iterator(o.output, failed))
    candor::require<candor::usage_error>(
        entry.path().filename() == ".lock", "the output folder ", o.output.string(), " already holds ",
        entry.path().filename().string(), "; continue its run with --resume auto, or choose another folder");
}

/// Turns the words among the options into what they mean; usage_error for unknown ones.
inline void resolve(options& o) {
  o.fit.run_folder = o.output;
  o.fit.schedule.kind = candor::schedule_kind_of(o.scheduler);
  o.fit.layout = candor::parse_layout(o.layout);
  candor::require<candor::usage_error>(o.truncation == "keep_end" || o.truncation == "keep_start", "--truncation-mode ", o.truncation,
                                       " is unknown: use keep_end or keep_start");
  o.processor.keep = o.truncation == "keep_end" ? candor::keep_part::end : candor::keep_part::start;
  if (o.image_transform != "auto") o.processor.image_transform = candor::image_mode_from(o.image_transform);
  candor::require<candor::usage_error>(o.reference == "cache" || o.reference == "adapters-off",
                                       "--reference ", o.reference, " is unknown: use cache or adapters-off");
  o.fit.reference =
      o.reference == "cache" ? candor::reference_source::cache : candor::reference_source::adapters_off;
  candor::require<candor::usage_error>(o.reference != "adapters-off" || o.lora.rank > 0,
                                       "--reference adapters-off needs adapters: give --lora-r");
  candor::require<candor::usage_error>(o.dtype == "f32" || o.dtype == "bf16", "--dtype ", o.dtype,
                                       " is unknown: use f32 or bf16");
  candor::require<candor::usage_error>(!o.output.empty(),
                                       "--output is missing: where shall the run folder be?");
  require_new(o);
}

}  // namespace training
