// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What config.json of a LLaVA-1.5 model says: a CLIP vision tower, a projector, a LLaMA language model. Read
/// from transformers' files (LlavaForConditionalGeneration) and from original LLaVA's
/// (LlavaLlamaForCausalLM), with the defaults that these programs use where keys are absent. What candor does
/// not compute is refused by its name.

#include <candor/core/config.hpp>
#include <candor/core/scalar.hpp>
#include <candor/io/names.hpp>
#include <candor/model/llava_source.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// Pointwise functions of the three parts, named as transformers names them.
enum class activation {
  quick_gelu,  ///< x / (1 + exp(-1.702 x))
  gelu,        ///< x Phi(x), exact
  silu         ///< x / (1 + exp(-x))
};
std::string_view name_of(activation a);

/// A CLIP vision transformer: patches of an image and a class token.
struct vision_config {
  int hidden_size = 1024;
  int intermediate_size = 4096;
  int num_hidden_layers = 24;
  int num_attention_heads = 16;
  int image_size = 336;  ///< pixels a side
  int patch_size = 14;   ///< pixels a side
  int num_channels = 3;
  double layer_norm_eps = 1e-5;
  activation hidden_act = activation::quick_gelu;

  int patches() const { return (image_size / patch_size) * (image_size / patch_size); }
  int head_dim() const { return hidden_size / num_attention_heads; }
  friend bool operator==(const vision_config&, const vision_config&) = default;
};

/// A LLaMA language model.
struct text_config {
  int vocab_size = 32000;
  int hidden_size = 4096;
  int intermediate_size = 11008;
  int num_hidden_layers = 32;
  int num_attention_heads = 32;
  int num_key_value_heads = 32;
  int head_dim = 128;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool tie_word_embeddings = false;  ///< the head is the embedding; its tensor may be absent
  int max_position_embeddings = 2048;
  int bos_token_id = 1;
  int eos_token_id = 2;
  int pad_token_id = -1;  ///< -1: none
  activation hidden_act = activation::silu;

  friend bool operator==(const text_config&, const text_config&) = default;
};

/// Which rows of the tower's output become image tokens.
enum class feature_select {
  patches,  ///< all but the class token: "default", LLaVA's "patch"
  full      ///< with the class token: "full", LLaVA's "cls_patch"
};

enum class projector_kind {
  mlp,    ///< linear, activation, linear
  linear  ///< one layer, in original LLaVA naming only
};

/// The whole model.
struct llava_config {
  vision_config vision;
  text_config text;
  int vision_feature_layer = -2;  ///< index of hidden_states: 0 before the first block, -1 after the last
  feature_select vision_feature_select_strategy = feature_select::patches;
  projector_kind projector = projector_kind::mlp;
  activation projector_hidden_act = activation::gelu;
  bool multimodal_projector_bias = true;
  int image_token_index =
      32000;                   ///< id of <image>; in original LLaVA folders -200, outside of the vocabulary
  int image_seq_length = 576;  ///< as the file says; image_tokens() is what the tower gives
  std::string image_aspect_ratio = {};  ///< original LLaVA's "pad" or "square", or empty

  /// Tokens that an image takes.
  int image_tokens() const {
    return vision.patches() + (vision_feature_select_strategy == feature_select::full ? 1 : 0);
  }
  /// Vision blocks that run: those up to the feature layer.
  int feature_blocks() const {
    return vision_feature_layer >= 0 ? vision_feature_layer
                                     : vision.num_hidden_layers + 1 + vision_feature_layer;
  }
  friend bool operator==(const llava_config&, const llava_config&) = default;
};

/// Checks that the numbers fit together (heads divide widths, patches the image, the feature layer exists);
/// input_error that begins with `place`.
void check(const llava_config& config, std::string_view place);

/// Reads config.json of a model folder. input_error for a missing folder or file, an unknown architecture or
/// feature, or numbers that do not fit. Original LLaVA names its tower only: openai/clip-vit-large-patch14
/// and -336 are known, a name that is a subfolder of the model folder with a CLIP config.json is read, and so
/// is the config.json of the source's tower, which must agree with a known name.
llava_config read_llava_config(const llava_source& source);
llava_config read_llava_config(const std::filesystem::path& folder);

/// The folder whose config.json and template are meant: the model's, or the adapter's where the model is a
/// language model alone and the adapter has a config.json.
std::filesystem::path config_folder(const llava_source& source);

/// What original LLaVA's config.json calls its tower, or empty.
std::string vision_tower_name(const llava_source& source);

/// Writes config.json, for transformers 5 and 4 alike; with the naming llava, for LLaVA's own code (a tower
/// that is not one of the known ones gets a subfolder vision_tower/config.json). `weights` is the type of the
/// tensors beside it. usage_error for a linear projector in another naming than llava. The folder is made
/// where it is missing.
void write_llava_config(const std::filesystem::path& folder, const llava_config& config, dtype weights,
                        naming scheme = naming::hf_old);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/model/llava_config_impl.hpp>
#include <candor/model/llava_config_write_impl.hpp>
#endif
