// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What config.json of a CLIP model with both towers says (transformers' CLIPModel), with that program's
/// defaults where keys are absent. What candor does not compute is refused by its name.

#include <candor/core/scalar.hpp>
#include <candor/model/llava_config.hpp>

#include <cstdint>
#include <filesystem>
#include <span>

namespace CANDOR_NS {

/// CLIP's text tower: a causal transformer whose row at the end of the text stands for all of it.
struct clip_text_config {
  int vocab_size = 49408;
  int hidden_size = 512;
  int intermediate_size = 2048;
  int num_hidden_layers = 12;
  int num_attention_heads = 8;
  int max_position_embeddings = 77;  ///< ids of the longest text, begin and end included
  double layer_norm_eps = 1e-5;
  activation hidden_act = activation::quick_gelu;
  /// The id whose first place is read. 2 stands in files from before transformers was corrected and means the
  /// place of the highest id, which in OpenAI's vocabulary is the end of the text.
  int eos_token_id = 49407;

  friend bool operator==(const clip_text_config&, const clip_text_config&) = default;
};

struct clip_config {
  vision_config vision;
  clip_text_config text;
  int projection_dim = 512;  ///< width of the embeddings that images and texts share

  friend bool operator==(const clip_config&, const clip_config&) = default;
};

/// Reads config.json of a model folder. input_error for a missing folder or file, another model type or
/// numbers that do not fit.
clip_config read_clip_config(const std::filesystem::path& folder);

/// Writes config.json for transformers; `weights` is the type of the tensors beside it. The folder is made
/// where it is missing.
void write_clip_config(const std::filesystem::path& folder, const clip_config& config, dtype weights);

/// Which row of a text of these ids stands for it: see clip_text_config::eos_token_id. input_error where the
/// id is not there, since tokenizer and model then belong to different models.
std::int32_t pooled_place(const clip_text_config& config, std::span<const std::int32_t> ids);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/model/clip_config_impl.hpp>
#endif
