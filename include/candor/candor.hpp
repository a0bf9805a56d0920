// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Everything that a host program needs to load, train, sample and save, for g++, clang and nvcc; feedback.hpp adds
/// claims and judges, eval.hpp the evaluators. With the target candor::candor the bodies come along (Eigen, oneTBB,
/// JSON, ...), at several seconds a unit; with candor::compiled only declarations and templates do, which include no
/// third-party header.

#include <candor/core/config.hpp>
#include <candor/core/dual.hpp>
#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/core/scalar.hpp>
#include <candor/core/shape.hpp>

#include <candor/tensor/tensor.hpp>
#include <candor/tensor/view.hpp>

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/backend/ledger.hpp>
#include <candor/backend/log_sum_exp.hpp>
#include <candor/backend/team.hpp>

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/add.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_best.hpp>
#include <candor/autograd/ops/head_chunks.hpp>
#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/autograd/recompute.hpp>

#include <candor/nn/context.hpp>
#include <candor/nn/linear.hpp>

#include <candor/image/decode.hpp>
#include <candor/image/distortion.hpp>
#include <candor/image/image_source.hpp>
#include <candor/image/resize.hpp>
#include <candor/image/transform.hpp>
#include <candor/image/write_png.hpp>

#include <candor/text/align.hpp>
#include <candor/text/chat_template.hpp>
#include <candor/text/clip_tokenizer.hpp>
#include <candor/text/english.hpp>
#include <candor/text/sentences.hpp>
#include <candor/text/stop_strings.hpp>
#include <candor/text/tokenizer.hpp>
#include <candor/text/truncate.hpp>

#include <candor/io/atomic_file.hpp>
#include <candor/io/base64.hpp>
#include <candor/io/byte_source.hpp>
#include <candor/io/event_file.hpp>
#include <candor/io/line_log.hpp>
#include <candor/io/model_folder.hpp>
#include <candor/io/names.hpp>
#include <candor/io/peft.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/staged_folder.hpp>
#include <candor/io/tensor_file.hpp>
#include <candor/io/torch_file.hpp>

#include <candor/data/forest.hpp>
#include <candor/data/pack.hpp>
#include <candor/data/parquet.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/data/prefetch.hpp>
#include <candor/data/ratings.hpp>
#include <candor/data/record_file.hpp>
#include <candor/data/record_form.hpp>
#include <candor/data/split.hpp>

#include <candor/model/clip.hpp>
#include <candor/model/compiled.hpp>
#include <candor/model/generate.hpp>
#include <candor/model/llama.hpp>
#include <candor/model/llava.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/pass_features.hpp>
#include <candor/model/processor.hpp>
#include <candor/model/projector.hpp>
#include <candor/model/questions.hpp>
#include <candor/model/scoring.hpp>
#include <candor/model/vision_transformer.hpp>

#include <candor/objective/chip.hpp>
#include <candor/objective/dense_dpo.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/hinge.hpp>
#include <candor/objective/image_preference.hpp>
#include <candor/objective/ipo.hpp>
#include <candor/objective/objective.hpp>
#include <candor/objective/pairwise.hpp>
#include <candor/objective/povid.hpp>
#include <candor/objective/sft.hpp>

#include <candor/train/adamw.hpp>
#include <candor/train/checkpoint_folder.hpp>
#include <candor/train/compiled.hpp>
#include <candor/train/metrics.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/reference_cache.hpp>
#include <candor/train/run_config.hpp>
#include <candor/train/run_folder.hpp>
#include <candor/train/schedule.hpp>
#include <candor/train/signals.hpp>
#include <candor/train/table.hpp>
#include <candor/train/trainer.hpp>
