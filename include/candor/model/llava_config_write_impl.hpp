// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Writing config.json in both layouts.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/os_error.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/llava_original_config_impl.hpp>

#include <string_view>
#include <system_error>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE std::string_view torch_name(dtype type) {
  switch (type) {
    case dtype::f64: return "float64";
    case dtype::f32: return "float32";
    case dtype::f16: return "float16";
    case dtype::bf16: return "bfloat16";
    default: fail<usage_error>("a model's weights cannot be of type ", name_of(type));
  }
}

CANDOR_INLINE json id_or_null(int id) { return id < 0 ? json() : json(id); }

CANDOR_INLINE json text_json(const text_config& c) {
  return json_object({{"attention_bias", false},
                      {"bos_token_id", id_or_null(c.bos_token_id)},
                      {"eos_token_id", id_or_null(c.eos_token_id)},
                      {"head_dim", c.head_dim},
                      {"hidden_act", name_of(c.hidden_act)},
                      {"hidden_size", c.hidden_size},
                      {"intermediate_size", c.intermediate_size},
                      {"max_position_embeddings", c.max_position_embeddings},
                      {"mlp_bias", false},
                      {"num_attention_heads", c.num_attention_heads},
                      {"num_hidden_layers", c.num_hidden_layers},
                      {"num_key_value_heads", c.num_key_value_heads},
                      {"pad_token_id", id_or_null(c.pad_token_id)},
                      {"rms_norm_eps", c.rms_norm_eps},
                      {"rope_scaling", nullptr},
                      {"rope_theta", c.rope_theta},
                      {"tie_word_embeddings", c.tie_word_embeddings},
                      {"vocab_size", c.vocab_size}});
}

CANDOR_INLINE json vision_json(const vision_config& c) {
  return json_object({{"hidden_act", name_of(c.hidden_act)},
                      {"hidden_size", c.hidden_size},
                      {"image_size", c.image_size},
                      {"intermediate_size", c.intermediate_size},
                      {"layer_norm_eps", c.layer_norm_eps},
                      {"model_type", "clip_vision_model"},
                      {"num_attention_heads", c.num_attention_heads},
                      {"num_channels", c.num_channels},
                      {"num_hidden_layers", c.num_hidden_layers},
                      {"patch_size", c.patch_size}});
}

CANDOR_INLINE json hf_json(const llava_config& c, dtype weights) {
  json language = text_json(c.text);
  language["model_type"] = "llama";
  language["torch_dtype"] = torch_name(weights);
  return json_object({{"architectures", std::vector<std::string>{"LlavaForConditionalGeneration"}},
                      {"image_seq_length", c.image_tokens()},
                      {"image_token_index", c.image_token_index},
                      {"model_type", "llava"},
                      {"multimodal_projector_bias", c.multimodal_projector_bias},
                      {"pad_token_id", id_or_null(c.text.pad_token_id)},
                      {"projector_hidden_act", name_of(c.projector_hidden_act)},
                      {"text_config", std::move(language)},
                      {"tie_word_embeddings", c.text.tie_word_embeddings},
                      {"torch_dtype", torch_name(weights)},
                      {"vision_config", vision_json(c.vision)},
                      {"vision_feature_layer", c.vision_feature_layer},
                      {"vision_feature_select_strategy",
                       c.vision_feature_select_strategy == feature_select::full ? "full" : "default"}});
}

CANDOR_INLINE json original_json(const llava_config& c, dtype weights, std::string_view tower) {
  json out = text_json(c.text);
  out.update(
      json_object({{"architectures", std::vector<std::string>{"LlavaLlamaForCausalLM"}},
                   {"image_aspect_ratio", c.image_aspect_ratio.empty() ? "pad" : c.image_aspect_ratio},
                   {"mm_hidden_size", c.vision.hidden_size},
                   {"mm_projector_type", c.projector == projector_kind::linear ? "linear" : "mlp2x_gelu"},
                   {"mm_use_im_patch_token", false},
                   {"mm_use_im_start_end", false},
                   {"mm_vision_select_feature",
                    c.vision_feature_select_strategy == feature_select::full ? "cls_patch" : "patch"},
                   {"mm_vision_select_layer", c.vision_feature_layer},
                   {"mm_vision_tower", tower},
                   {"model_type", "llava_llama"},
                   {"torch_dtype", torch_name(weights)},
                   {"use_mm_proj", true}}));
  return out;
}

}  // namespace detail

CANDOR_INLINE void write_llava_config(const std::filesystem::path& folder, const llava_config& config,
                                      dtype weights, naming scheme) {
  const auto path = folder / "config.json";
  check(config, path.string());
  const bool original = scheme == naming::llava;
  require<usage_error>(original || config.projector == projector_kind::mlp, "cannot write ", path.string(),
                       ": transformers' LLaVA has no linear projector; choose the naming llava");
  require<usage_error>(!original || config.multimodal_projector_bias, "cannot write ", path.string(),
                       ": original LLaVA has no projector without biases; choose another naming");
  require<usage_error>(original || config.image_token_index >= 0, "cannot write ", path.string(),
                       ": image_token_index ", config.image_token_index,
                       " is no id of the vocabulary; give the id of <image>");
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) fail_io("create the folder", folder, code.value());
  if (!original) return detail::write_json_file(path, detail::hf_json(config, weights));

  std::string_view tower = "vision_tower";
  for (const auto& known : detail::known_towers) {
    vision_config standard;
    standard.image_size = known.image_size;
    if (standard == config.vision) tower = known.name;
  }
  if (tower == "vision_tower") {
    std::filesystem::create_directories(folder / tower, code);
    if (code) fail_io("create the folder", folder / tower, code.value());
    detail::write_json_file(folder / tower / "config.json", detail::vision_json(config.vision));
  }
  detail::write_json_file(path, detail::original_json(config, weights, tower));
}

}  // namespace CANDOR_NS
