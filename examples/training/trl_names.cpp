// SPDX-License-Identifier: Apache-2.0
#include "training/trl_names.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <string_view>

namespace training {
namespace {

struct foreign_option {
  std::string_view name, advice;
};

constexpr foreign_option foreign[] = {
    {"attn_implementation", "there is one attention, which computes each stem once; leave it out"},
    {"dataloader_num_workers", "a thread of its own decodes two steps ahead; leave it out"},
    {"dataset_num_proc", "records are read when they are needed; leave it out"},
    {"deepspeed", "training runs in one process; leave it out"},
    {"disable_dropout", "say --lora-dropout 0, which is the default: nothing else drops"},
    {"eval_strategy",
     "say --eval-steps N, or nothing: records that are set aside are evaluated at the end in any case"},
    {"evaluation_strategy",
     "say --eval-steps N, or nothing: records that are set aside are evaluated at the end in any case"},
    {"fp16", "weights are fp32 or bf16: say --dtype bf16"},
    {"fsdp", "training runs in one process; leave it out"},
    {"generate_during_eval", "texts come from the program `generate` on a checkpoint"},
    {"label_smoothing", "this loss has none"},
    {"load_in_4bit", "weights are fp32 or bf16: say --dtype bf16 and --lora-r"},
    {"load_in_8bit", "weights are fp32 or bf16: say --dtype bf16 and --lora-r"},
    {"logging_strategy", "say --logging-steps N"},
    {"loss_type", "the program's name says the loss"},
    {"max_completion_length", "--max-length counts prompt and answer together, the image's tokens included"},
    {"max_prompt_length", "--max-length counts prompt and answer together, the image's tokens included"},
    {"optim", "the optimizer is torch's AdamW; leave it out"},
    {"packing", "records are always packed, to --max-tokens a pass; leave it out"},
    {"padding_free", "nothing is padded; leave it out"},
    {"per_device_eval_batch_size",
     "evaluation takes batches of --batch-size, cut into passes by --max-tokens"},
    {"precompute_ref_log_probs", "say --reference cache for true, --reference adapters-off for false"},
    {"push_to_hub", "what comes out is a folder; upload it with hf upload"},
    {"ref_adapter_name", "say --reference-model FOLDER"},
    {"rpo_alpha", "it weighs a loss that is divided by the answer's length; --sft-weight does not divide"},
    {"run_name", "the run folder's name is the run's: --output"},
    {"save_strategy", "say --save-steps N"},
    {"sync_ref_model", "the reference stays as it is"},
    {"tf32", "products are fp32, or bf16 with --dtype bf16; leave it out"},
    {"torch_dtype", "say --dtype f32 or --dtype bf16"},
    {"use_peft", "say --lora-r R"},
};

}  // namespace

void refuse_foreign_options(int argc, const char* const* argv,
                            candor::function_ref<bool(const std::string&)> known) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (!word.starts_with("--")) continue;
    word = word.substr(2, word.find('=') - 2);
    std::string name(word);
    std::replace(name.begin(), name.end(), '_', '-');
    if (known(name)) continue;
    std::replace(name.begin(), name.end(), '-', '_');
    for (const auto& option : foreign)
      candor::require<candor::usage_error>(
          name != option.name, "--", word,
          " is TRL's or transformers', and means nothing here: ", option.advice);
  }
}

}  // namespace training
