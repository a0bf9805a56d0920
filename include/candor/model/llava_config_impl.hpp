// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reading config.json: transformers' layout, and which layout it is.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/model/llava_original_config_impl.hpp>
#include <candor/model/llava_parts_config_impl.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE int read_feature_layer(const json_field& root) {
  const auto layer = root.find("vision_feature_layer");
  if (!layer) return -2;
  if (!layer->value().is_array()) return static_cast<int>(layer->integer(-largest_config, largest_config));
  const auto layers = layer->items();
  if (layers.size() != 1)
    layer->refuse("a list of ", layers.size(), " feature layers is not supported, one is");
  return static_cast<int>(layers[0].integer(-largest_config, largest_config));
}

/// LlavaForConditionalGeneration.
CANDOR_INLINE llava_config read_hf_config(const json_field& root) {
  llava_config c;
  // Without the object transformers takes LLaVA-1.5's tower, with it the defaults of CLIPVisionConfig.
  if (const auto vision = root.find("vision_config")) c.vision = read_tower_config(vision->object());
  if (const auto language = root.find("text_config")) c.text = read_llama_config(language->object());
  c.text.tie_word_embeddings = c.text.tie_word_embeddings || root.boolean_or("tie_word_embeddings", false);
  if (c.text.pad_token_id < 0)
    c.text.pad_token_id = static_cast<int>(root.integer_or("pad_token_id", -1, -1, largest_config));
  c.vision_feature_layer = read_feature_layer(root);
  if (const auto select = root.find("vision_feature_select_strategy")) {
    if (select->string() == "full")
      c.vision_feature_select_strategy = feature_select::full;
    else if (select->string() != "default")
      select->refuse("unknown strategy ", in_quotes(select->string()), "; default and full are known");
  }
  c.projector_hidden_act =
      read_activation(root, "projector_hidden_act", activation::gelu, {activation::gelu});
  c.multimodal_projector_bias = root.boolean_or("multimodal_projector_bias", true);
  // Both names are in use for the id.
  c.image_token_index =
      config_integer(root, root.has("image_token_index") ? "image_token_index" : "image_token_id", 32000, 0);
  c.image_seq_length = config_integer(root, "image_seq_length", 576, 1);
  return c;
}

/// The name that says which program wrote the file.
CANDOR_INLINE std::string architecture_of(const json_field& root) {
  if (const auto list = root.find("architectures")) {
    const auto items = list->items();
    if (!items.empty()) return items.front().string();
  }
  const std::string type = root["model_type"].string();
  if (type == "llava_llama") return "LlavaLlamaForCausalLM";
  if (type == "llava")
    return root.has("mm_vision_tower") ? "LlavaLlamaForCausalLM" : "LlavaForConditionalGeneration";
  root["model_type"].refuse("the model type ", in_quotes(type), " is not supported; llava is");
}

CANDOR_INLINE void require_model_type(const json_field& root, std::initializer_list<std::string_view> known) {
  const std::string type = root.string_or("model_type", *known.begin());
  if (std::find(known.begin(), known.end(), type) == known.end())
    root["model_type"].refuse("the model type ", in_quotes(type), " is not supported; ", *known.begin(),
                              " is");
}

}  // namespace detail

CANDOR_INLINE void check(const llava_config& c, std::string_view place) {
  // Before anything is multiplied: the bounds are far beyond real models, and their products fit an int.
  const auto at_most = [&](int value, int most, std::string_view what) {
    require<input_error>(value <= most, place, ": ", what, " ", value, " cannot be right; at most ", most,
                         " is supported");
  };
  at_most(c.vision.num_hidden_layers, 4096, "num_hidden_layers of the vision tower");
  at_most(c.text.num_hidden_layers, 4096, "num_hidden_layers of the language model");
  at_most(c.vision.image_size, 1 << 14, "image_size");
  at_most(c.text.num_attention_heads, 1 << 14, "num_attention_heads of the language model");
  at_most(c.text.head_dim, 1 << 14, "head_dim");
  const auto divides = [&](int part, int whole, std::string_view what) {
    require<input_error>(part > 0 && whole > 0 && whole % part == 0, place, ": ", what, ": ", part,
                         " does not divide ", whole);
  };
  divides(c.vision.num_attention_heads, c.vision.hidden_size, "heads and hidden size of the vision tower");
  divides(c.vision.patch_size, c.vision.image_size, "patch and image size of the vision tower");
  divides(c.text.num_attention_heads, c.text.hidden_size, "heads and hidden size of the language model");
  divides(c.text.num_key_value_heads, c.text.num_attention_heads,
          "key-value and query heads of the language model");
  require<input_error>(c.text.head_dim > 0 && c.text.head_dim % 2 == 0, place, ": head_dim ", c.text.head_dim,
                       " must be even, since rotary positions turn pairs");
  const int layers = c.vision.num_hidden_layers;
  require<input_error>(c.vision_feature_layer >= -(layers + 1) && c.vision_feature_layer <= layers, place,
                       ": vision_feature_layer ", c.vision_feature_layer, " is not one of the ", layers + 1,
                       " hidden states of a tower with ", layers, " layers");
  require<input_error>(c.vision.num_channels == 3, place, ": num_channels ", c.vision.num_channels,
                       " is not supported, 3 is");
}

CANDOR_INLINE std::filesystem::path config_folder(const llava_source& source) {
  detail::require_folder(source.model, "model folder");
  if (source.adapter.empty() || !detail::present(source.adapter / "config.json")) return source.model;
  const auto path = source.model / "config.json";
  if (!detail::present(path)) return source.adapter;
  const detail::json document = detail::read_json_file(path, std::uint64_t{16} << 20);
  const bool language_only =
      detail::json_field(document, path.string()).string_or("model_type", "") == "llama";
  return language_only ? source.adapter : source.model;
}

CANDOR_INLINE std::string vision_tower_name(const llava_source& source) {
  const auto path = config_folder(source) / "config.json";
  const detail::json document = detail::read_json_file(path, std::uint64_t{16} << 20);
  return detail::json_field(document, path.string()).string_or("mm_vision_tower", "");
}

CANDOR_INLINE llava_config read_llava_config(const llava_source& source) {
  const auto folder = config_folder(source);
  const auto path = folder / "config.json";
  require<input_error>(detail::present(path), "the model folder ", folder.string(), " has no config.json");
  const detail::json document = detail::read_json_file(path, std::uint64_t{16} << 20);
  const detail::json_field root(document, path.string());
  root.object();
  llava_config config;
  if (const std::string name = detail::architecture_of(root); name == "LlavaForConditionalGeneration") {
    detail::require_model_type(root, {"llava"});
    config = detail::read_hf_config(root);
  } else if (name == "LlavaLlamaForCausalLM") {
    detail::require_model_type(root, {"llava_llama", "llava"});
    config = detail::read_original_config(root, folder, source.vision_tower);
  } else if (name == "LlamaForCausalLM") {
    root.refuse(
        "a language model alone; a LLaVA adapter that goes on it must have a config.json of its own, ",
        "and be named with --adapter");
  } else {
    root.refuse("the architecture ", detail::in_quotes(name),
                " is not supported; LlavaForConditionalGeneration and LlavaLlamaForCausalLM are");
  }
  check(config, path.string());
  return config;
}

CANDOR_INLINE llava_config read_llava_config(const std::filesystem::path& folder) {
  return read_llava_config(llava_source{.model = folder});
}

}  // namespace CANDOR_NS
