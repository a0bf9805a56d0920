// SPDX-License-Identifier: Apache-2.0
#include "training/command_line.hpp"

#include "program/completion.hpp"

#include <filesystem>
#include <sstream>
#include <system_error>

namespace training {
namespace {

/// CLI11 writes an empty list as "[]", which it does not read.
std::string without_empty_lists(const std::string& toml) {
  std::istringstream lines(toml);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    if (!line.ends_with("=\"[]\"")) out += line + "\n";
  return out;
}

/// Makes the present values those that are shown and written where an option is not given.
void capture_defaults(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) option->capture_default_str();
  for (CLI::App* part : app.get_subcommands([](CLI::App*) { return true; })) capture_defaults(*part);
}

/// A new run needs a new or empty folder. The trainer asks for the same, but after the model is loaded.
void require_new(const options& o) {
  std::error_code failed;
  if (!o.fit.resume.empty() || !std::filesystem::is_directory(o.output, failed)) return;
  for (const auto& entry : std::filesystem::directory_iterator(o.output, failed))
    candor::require<candor::usage_error>(
        entry.path().filename() == ".lock", "the output folder ", o.output.string(), " already holds ",
        entry.path().filename().string(), "; continue its run with --resume auto, or choose another folder");
}

}  // namespace

CLI::App* group(CLI::App& app, const std::string& title) {
  app.option_defaults()->group(title);
  return &app;
}

void add_options(CLI::App& app, options& o) {
  app.option_defaults()->always_capture_default();
  app.set_config("--config", "", "options from a TOML file; those of the command line go before it")
      ->type_name("FILE")
      ->configurable(false);
  app.allow_config_extras(CLI::config_extras_mode::error);
  program::add_completion(app);
  // What was asked for, in the form that --config takes.
  app.parse_complete_callback([&app, &o] {
    capture_defaults(app);
    o.fit.documents = {{"options.toml", without_empty_lists(app.config_to_str(true, true))}};
  });
  auto* files = group(app, "Files");
  files
      ->add_option("--model,--model_name_or_path", o.model,
                   "LLaVA-1.5 folder: Hugging Face or original layout")
      ->type_name("FOLDER");
  files
      ->add_option("--vision-tower,--vision_tower", o.vision_tower,
                   "CLIP folder, for a model in original LLaVA's layout that names its tower only")
      ->type_name("FOLDER");
  files
      ->add_option(
          "--data,--dataset_name", o.data,
          "records: JSON lines, a JSON list or parquet; a folder of parquet files, or a pattern in quotes")
      ->type_name("PATH");
  files->add_option("--images", o.images, "folder that image names start from (default: the data file's)")
      ->type_name("FOLDER");
  files->add_flag("--skip-bad-records", o.skip_bad_records,
                  "leave out records that cannot be used, and list them in the run folder");
  files
      ->add_option("--rating-gap", o.ladder.min_gap,
                   "of rated answers (VLFeedback): the least difference of a pair's mean ratings")
      ->check(CLI::NonNegativeNumber);
  files
      ->add_option("--rating-pairs", o.ladder.max_pairs,
                   "of rated answers: at most so many pairs a record, the widest apart; 0: all")
      ->check(CLI::NonNegativeNumber);
  files
      ->add_option("--output,--output_dir", o.output,
                   "run folder; must be new or empty, unless --resume is given")
      ->type_name("FOLDER");
  files
      ->add_option("--reference-model,--ref_model", o.reference_model,
                   "a second model as reference (default: --model as it is)")
      ->type_name("FOLDER");
  files->add_option("--template", o.processor.chat_template, "chat template; auto: the folder's own")
      ->type_name("{auto,vicuna_v1,llava_v1,llava_hf}");
  files
      ->add_option("--image-transform", o.image_transform,
                   "how pictures become squares; auto: the folder's way")
      ->type_name("{auto,pad,centre_crop,squash}");

  auto* train = group(app, "Training");
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
      ->add_option("--gradient-accumulation-steps,--gradient_accumulation_steps", o.accumulation,
                   "as TRL counts: an optimizer step has so many batches")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--max-tokens", o.fit.max_tokens,
                   "token budget of a pass; a step takes as many passes as it needs")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--max-length,--max_length", o.processor.max_length,
                   "tokens of prompt and answer, the image's included")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("--truncation-mode,--truncation_mode", o.truncation,
                   "what stays of a question that is too long")
      ->type_name("{keep_end,keep_start}");
  train->add_option("--cut-answers", o.processor.cut_answers,
                    "shorten answers that are too long, instead of refusing: true or false");
  train->add_option("--lr-scheduler,--lr_scheduler_type", o.scheduler, "how the rate falls after the warm-up")
      ->type_name("{cosine,linear,constant}");
  train
      ->add_option("--warmup-ratio,--warmup_ratio", o.fit.schedule.warmup_ratio,
                   "share of the steps that warm up")
      ->check(CLI::Range(0.0, 1.0));
  train
      ->add_option("--warmup-steps,--warmup_steps", o.fit.schedule.warmup_steps,
                   "or their number, which goes before the share")
      ->check(CLI::NonNegativeNumber);
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
  train->add_option("--dtype", o.dtype, "f32, or bf16 with an fp32 master copy")->type_name("{f32,bf16}");
  train->add_option("--bf16", o.bf16, "true means --dtype bf16");
  train->add_option("--stochastic-rounding", o.optimizer.stochastic_rounding,
                    "bf16 without the master copy: true or false");
  train->add_option("--bf16-moments", o.optimizer.bf16_moments,
                    "AdamW's moments in bf16, rounded at random: true or false");
  train->add_option("--recompute,--gradient_checkpointing", o.fit.recompute,
                    "less memory, more time: true or false");
  train->add_option("--layout", o.layout, "shared: each stem once; the numbers are the same")
      ->type_name("{shared,packed,padded}");
  train
      ->add_option(
          "--reference,--reference-source", o.reference,
          "cache (computed once before training), or in every step: adapters-off, or each-step (by "
          "--reference-model, else with the adapters off); auto: in every step where each epoch draws "
          "other images or no cache can hold it, else cache")
      ->type_name("{auto,cache,adapters-off,each-step}");
  train->add_option("--hash-images", o.fit.hash_images,
                    "the cache's fingerprint reads image bytes: true or false");

  auto* device = group(app, "Where it computes");
  device->add_option("--threads", o.threads, "of the CPU; 0: one for each core")
      ->check(CLI::NonNegativeNumber);
  program::add_device_options(*device, o.device);

  auto* lora = group(app, "LoRA: train low-rank corrections instead of the weights");
  lora->add_option("--lora-r,--lora_r", o.lora.rank, "rank; 0: train the weights themselves")
      ->check(CLI::NonNegativeNumber);
  lora->add_option("--lora-alpha,--lora_alpha", o.lora.alpha, "the correction is scaled by alpha / r")
      ->check(CLI::NonNegativeNumber);
  lora->add_option("--lora-dropout,--lora_dropout", o.lora.dropout, "of the correction's input")
      ->check(CLI::Range(0.0, 1.0));
  lora->add_option("--lora-target-modules,--lora_target_modules", o.lora.target_modules,
                   "layers, as q_proj v_proj (default: all linear layers of the decoder)");

  auto* watch = group(app, "Watching, stopping, going on");
  watch
      ->add_option("--eval-data,--eval_data", o.eval_data,
                   "records to evaluate on, of the same form as --data")
      ->type_name("FILE");
  watch
      ->add_option("--eval-fraction", o.fit.eval_fraction,
                   "or the share of the records that is set aside for it")
      ->check(CLI::Range(0.0, 1.0));
  watch
      ->add_option("--eval-steps,--eval_steps", o.fit.eval_steps,
                   "evaluate every so many steps, and at the end; 0: at the end")
      ->check(CLI::NonNegativeNumber);
  watch->add_option("--load-best-model-at-end,--load_best_model_at_end", o.fit.load_best_model_at_end,
                    "keep the checkpoint of the best evaluation, and let it come out");
  watch->add_option("--metric-for-best-model,--metric_for_best_model", o.fit.metric_for_best_model,
                    "which is the best: loss, rewards/accuracies, rewards/margins, ...");
  watch
      ->add_option("--greater-is-better,--greater_is_better", o.greater_is_better,
                   "auto: unless the metric's name ends in loss")
      ->type_name("{auto,true,false}");
  watch
      ->add_option("--logging-steps,--logging_steps", o.fit.logging_steps,
                   "metrics, as means over so many steps")
      ->check(CLI::PositiveNumber);
  watch->add_option("--report-to,--report_to", o.report_to, "beside metrics.jsonl")
      ->type_name("{tensorboard,none}");
  watch
      ->add_option("--save-steps,--save_steps", o.fit.save_steps,
                   "a checkpoint every so many steps; 0: only when stopped")
      ->check(CLI::NonNegativeNumber);
  watch
      ->add_option("--save-total-limit,--save_total_limit", o.fit.save_total_limit,
                   "checkpoints that are kept, the best among them; 0: all")
      ->check(CLI::NonNegativeNumber);
  watch
      ->add_option("--resume,--resume_from_checkpoint", o.fit.resume,
                   "auto: the newest sound checkpoint; or its folder")
      ->type_name("FOLDER")
      ->configurable(false);
  watch
      ->add_flag("--dry-run", o.dry_run,
                 "show records, steps, memory and disk; train and write nothing; needs no weights")
      ->configurable(false);
  watch->add_option("--quiet", o.fit.quiet, "no progress: true or false");
}

void resolve(options& o) {
  o.fit.run_folder = o.output;
  o.fit.batch_size *= o.accumulation;
  if (o.fit.schedule.warmup_steps > 0) o.fit.schedule.warmup_ratio = 0;
  if (o.bf16) o.dtype = "bf16";
  candor::require<candor::usage_error>(o.report_to == "tensorboard" || o.report_to == "none", "--report-to ",
                                       o.report_to,
                                       " is unknown: use tensorboard, which others import, or none");
  o.fit.tensorboard = o.report_to == "tensorboard";
  candor::require<candor::usage_error>(
      o.greater_is_better == "auto" || o.greater_is_better == "true" || o.greater_is_better == "false",
      "--greater-is-better ", o.greater_is_better, " is unknown: use auto, true or false");
  if (o.greater_is_better != "auto") o.fit.greater_is_better = o.greater_is_better == "true";
  o.fit.schedule.kind = candor::schedule_kind_of(o.scheduler);
  o.fit.layout = candor::parse_layout(o.layout);
  candor::require<candor::usage_error>(o.truncation == "keep_end" || o.truncation == "keep_start",
                                       "--truncation-mode ", o.truncation,
                                       " is unknown: use keep_end or keep_start");
  o.processor.keep = o.truncation == "keep_end" ? candor::keep_part::end : candor::keep_part::start;
  if (o.image_transform != "auto") o.processor.image_transform = candor::image_mode_from(o.image_transform);
  const auto reference = candor::reference_source_named(o.reference);
  candor::require<candor::usage_error>(reference.has_value(), "--reference ", o.reference,
                                       " is unknown: use auto, cache, adapters-off or each-step");
  o.fit.reference = *reference;
  candor::require<candor::usage_error>(
      o.fit.reference != candor::reference_source::adapters_off || o.lora.rank > 0,
      "--reference adapters-off needs adapters: give --lora-r");
  candor::require<candor::usage_error>(
      o.fit.reference != candor::reference_source::each_step || o.lora.rank > 0 || !o.reference_model.empty(),
      "--reference each-step needs a model to run: give --reference-model, or --lora-r");
  candor::require<candor::usage_error>(o.dtype == "f32" || o.dtype == "bf16", "--dtype ", o.dtype,
                                       " is unknown: use f32 or bf16");
  candor::require<candor::usage_error>(!o.output.empty(),
                                       "--output is missing: where shall the run folder be?");
  program::cuda_device_of(o.device.device);
  if (!o.dry_run) require_new(o);
}

}  // namespace training
