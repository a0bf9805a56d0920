// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The command line of training programs: TRL's names where they mean the same, with dashes or underscores.

#include "training/options.hpp"

#include <CLI/CLI.hpp>

namespace training {

/// Adds the options to a program; values that are set before are shown as defaults.
inline void add_options(CLI::App& app, options& o) {
  app.option_defaults()->always_capture_default();
  auto* files = app.add_option_group("Files");
  files->add_option("--model,--model_name_or_path", o.model, "LLaVA-1.5 folder: Hugging Face or original layout");
  files->add_option("--data,--dataset_name", o.data, "preference records, one JSON object a line: image, question, chosen, rejected");
  files->add_option("--images", o.images, "folder that image names start from (default: the data file's)");
  files->add_option("--output,--output_dir", o.output, "run folder; must be new or empty, unless --resume is given");
  files->add_option("--reference-model,--ref_model", o.reference_model, "a second model as reference (default: --model as it is)");
  files->add_option("--template", o.processor.chat_template, "auto, vicuna_v1, llava_v1 or llava_hf");
  files->add_option("--image-transform", o.image_transform, "auto, pad, centre_crop or squash");

  auto* train = app.add_option_group("Training");
  train->add_option("--learning-rate,--learning_rate", o.optimizer.learning_rate, "peak rate of AdamW");
  train->add_option("--epochs,--num_train_epochs", o.fit.epochs, "passes over the records");
  train->add_option("--max-steps,--max_steps", o.fit.max_steps, "optimizer steps instead of epochs; 0: by epochs");
  train->add_option("--batch-size,--per_device_train_batch_size", o.fit.batch_size, "pairs of an optimizer step");
  train->add_option("--max-tokens", o.fit.max_tokens, "token budget of a pass; a step takes as many passes as it needs");
  train->add_option("--max-length,--max_length", o.processor.max_length, "tokens of prompt and answer, the image's included");
  train->add_option("--lr-scheduler,--lr_scheduler_type", o.scheduler, "cosine, linear or constant");
  train->add_option("--warmup-ratio,--warmup_ratio", o.fit.schedule.warmup_ratio, "share of the steps that warm up");
  train->add_option("--weight-decay,--weight_decay", o.optimizer.weight_decay, "of AdamW");
  train->add_option("--adam-beta1,--adam_beta1", o.optimizer.beta1, "of AdamW");
  train->add_option("--adam-beta2,--adam_beta2", o.optimizer.beta2, "of AdamW");
  train->add_option("--adam-epsilon,--adam_epsilon", o.optimizer.epsilon, "of AdamW");
  train->add_option("--max-grad-norm,--max_grad_norm", o.fit.max_grad_norm, "longer gradients are scaled down; 0: never");
  train->add_option("--seed", o.fit.seed, "of order, split, dropout and sampling");
  train->add_option("--shuffle", o.fit.shuffle, "a new order each epoch: true or false");
  train->add_option("--dtype", o.dtype, "f32, or bf16 with an fp32 master copy");
  train->add_option("--stochastic-rounding", o.optimizer.stochastic_rounding, "bf16 without the master copy: true or false");
  train->add_option("--recompute,--gradient_checkpointing", o.fit.recompute, "less memory, more time: true or false");
  train->add_option("--layout", o.layout, "shared (each stem once), packed or padded; the numbers are the same");
  train->add_option("--reference", o.reference, "cache (computed once before training) or adapters-off (every step)");
  train->add_option("--hash-images", o.fit.hash_images, "the cache's fingerprint reads image bytes: true or false");
  train->add_option("--threads", o.threads, "0: one for each core");

  auto* lora = app.add_option_group("LoRA", "trains low-rank corrections instead of the weights");
  lora->add_option("--lora-r,--lora_r", o.lora.rank, "rank; 0: train the weights themselves");
  lora->add_option("--lora-alpha,--lora_alpha", o.lora.alpha, "the correction is scaled by alpha / r");
  lora->add_option("--lora-dropout,--lora_dropout", o.lora.dropout, "of the correction's input");
  lora->add_option("--lora-target-modules,--lora_target_modules", o.lora.target_modules,
                   "layers, as q_proj v_proj (default: all linear layers of the decoder)");

  auto* watch = app.add_option_group("Watching and stopping");
  watch->add_option("--eval-fraction", o.fit.eval_fraction, "share of the records that is set aside");
  watch->add_option("--eval-steps,--eval_steps", o.fit.eval_steps, "evaluate every so many steps; 0: at the end");
  watch->add_option("--logging-steps,--logging_steps", o.fit.logging_steps, "a line of metrics.jsonl every so many steps");
  watch->add_option("--save-steps,--save_steps", o.fit.save_steps, "a checkpoint every so many steps; 0: only when stopped");
  watch->add_option("--save-total-limit,--save_total_limit", o.fit.save_total_limit, "checkpoints that are kept; 0: all");
  watch->add_option("--resume,--resume_from_checkpoint", o.fit.resume, "auto: the newest sound checkpoint; or its folder");
  watch->add_option("--quiet", o.fit.quiet, "no progress: true or false");
}

/// Turns the words among the options into what they mean; usage_error for unknown ones.
inline void resolve(options& o) {
  o.fit.run_folder = o.output;
  o.fit.schedule.kind = candor::schedule_kind_of(o.scheduler);
  o.fit.layout = candor::parse_layout(o.layout);
  if (o.image_transform != "auto") o.processor.image_transform = candor::image_mode_from(o.image_transform);
  candor::require<candor::usage_error>(o.reference == "cache" || o.reference == "adapters-off", "--reference ", o.reference,
                                       " is unknown: use cache or adapters-off");
  o.fit.reference = o.reference == "cache" ? candor::reference_source::cache : candor::reference_source::adapters_off;
  candor::require<candor::usage_error>(o.reference != "adapters-off" || o.lora.rank > 0,
                                       "--reference adapters-off needs adapters: give --lora-r");
  candor::require<candor::usage_error>(o.dtype == "f32" || o.dtype == "bf16", "--dtype ", o.dtype, " is unknown: use f32 or bf16");
  candor::require<candor::usage_error>(!o.output.empty(), "--output is missing: where shall the run folder be?");
}

}  // namespace training
