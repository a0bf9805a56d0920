// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The parts of a LLaVA's config.json that both layouts share: CLIP's vision tower, LLaMA, activations.

#include <candor/core/error.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/model/llava_config.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace CANDOR_NS {

CANDOR_INLINE std::string_view name_of(activation a) {
  constexpr std::string_view names[] = {"quick_gelu", "gelu", "silu"};
  return names[static_cast<std::size_t>(a)];
}

namespace detail {

/// No width, count or id of a real model comes near; products of two stay within 64 bits.
inline constexpr std::int64_t largest_config = 1 << 28;

CANDOR_INLINE int config_integer(const json_field& from, std::string_view key, int otherwise, int least) {
  return static_cast<int>(from.integer_or(key, otherwise, least, largest_config));
}

CANDOR_INLINE activation read_activation(const json_field& from, std::string_view key, activation otherwise,
                                         std::initializer_list<activation> supported) {
  const auto given = from.find(key);
  if (!given) return otherwise;
  for (const auto a : supported)
    if (name_of(a) == given->string()) return a;
  std::string list;
  for (const auto a : supported) list += text(list.empty() ? "" : ", ", name_of(a));
  given->refuse("the activation ", in_quotes(given->string()), " is not supported here; supported: ", list);
}

/// A number that a file may write as a list of one or two equal ones.
CANDOR_INLINE int square_side(const json_field& from, std::string_view key, int otherwise) {
  const auto given = from.find(key);
  if (!given) return otherwise;
  if (!given->value().is_array()) return static_cast<int>(given->integer(1, largest_config));
  const auto sides = given->items();
  if (sides.empty() || sides.size() > 2 || sides.front().value() != sides.back().value())
    given->refuse("only square images and patches are supported");
  return static_cast<int>(sides.front().integer(1, largest_config));
}

/// A vision_config object; absent keys are those of CLIPVisionConfig (ViT-B/32).
CANDOR_INLINE vision_config read_tower_config(const json_field& from) {
  if (const auto type = from.find("model_type"); type && type->string() != "clip_vision_model")
    type->refuse("the vision tower ", in_quotes(type->string()), " is not supported; clip_vision_model is");
  vision_config c;
  c.hidden_size = config_integer(from, "hidden_size", 768, 1);
  c.intermediate_size = config_integer(from, "intermediate_size", 3072, 1);
  c.num_hidden_layers = config_integer(from, "num_hidden_layers", 12, 1);
  c.num_attention_heads = config_integer(from, "num_attention_heads", 12, 1);
  c.image_size = square_side(from, "image_size", 224);
  c.patch_size = square_side(from, "patch_size", 32);
  c.num_channels = config_integer(from, "num_channels", 3, 1);
  c.layer_norm_eps = from.number_or("layer_norm_eps", 1e-5, 0, 1);
  c.hidden_act =
      read_activation(from, "hidden_act", activation::quick_gelu, {activation::quick_gelu, activation::gelu});
  return c;
}

/// One id, -1 for null; some files write a list of one.
CANDOR_INLINE int read_token_id(const json_field& from, std::string_view key, int otherwise) {
  const auto given = from.find(key);
  if (!given) return from.value().contains(key) ? -1 : otherwise;
  if (!given->value().is_array()) return static_cast<int>(given->integer(-1, largest_config));
  const auto ids = given->items();
  if (ids.size() != 1) given->refuse("a list of ", ids.size(), " token ids is not supported, one is");
  return static_cast<int>(ids[0].integer(-1, largest_config));
}

/// Plain rotary positions only. transformers 5 writes rope_parameters and prefers them, 4 writes rope_theta.
CANDOR_INLINE double read_rope_theta(const json_field& from) {
  double theta = from.number_or("rope_theta", 10000, 1e-3, 1e15);
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const auto rope = from.find(key);
    if (!rope) continue;
    for (const std::string_view type : {"rope_type", "type"})
      if (const auto given = rope->find(type); given && given->string() != "default")
        given->refuse("the rotary scaling ", in_quotes(given->string()), " is not supported, only default");
    theta = rope->number_or("rope_theta", theta, 1e-3, 1e15);
    if (rope->number_or("partial_rotary_factor", 1) != 1)
      (*rope)["partial_rotary_factor"].refuse("partial rotary positions are not supported");
  }
  return theta;
}

/// The object of a LLaMA; absent keys are those of LlamaConfig.
CANDOR_INLINE text_config read_llama_keys(const json_field& from) {
  text_config c;
  c.vocab_size = config_integer(from, "vocab_size", 32000, 1);
  c.hidden_size = config_integer(from, "hidden_size", 4096, 1);
  c.intermediate_size = config_integer(from, "intermediate_size", 11008, 1);
  c.num_hidden_layers = config_integer(from, "num_hidden_layers", 32, 1);
  c.num_attention_heads = config_integer(from, "num_attention_heads", 32, 1);
  c.num_key_value_heads = config_integer(from, "num_key_value_heads", c.num_attention_heads, 1);
  c.head_dim = config_integer(from, "head_dim", c.hidden_size / c.num_attention_heads, 1);
  c.rms_norm_eps = from.number_or("rms_norm_eps", 1e-6, 0, 1);
  c.rope_theta = read_rope_theta(from);
  c.tie_word_embeddings = from.boolean_or("tie_word_embeddings", false);
  c.max_position_embeddings = config_integer(from, "max_position_embeddings", 2048, 1);
  c.bos_token_id = read_token_id(from, "bos_token_id", 1);
  c.eos_token_id = read_token_id(from, "eos_token_id", 2);
  c.pad_token_id = read_token_id(from, "pad_token_id", -1);
  c.hidden_act = read_activation(from, "hidden_act", activation::silu, {activation::silu});
  for (const std::string_view key : {"attention_bias", "mlp_bias"})
    if (from.boolean_or(key, false)) from[key].refuse("a language model with biases is not supported");
  return c;
}

/// A text_config object.
CANDOR_INLINE text_config read_llama_config(const json_field& from) {
  if (const auto type = from.find("model_type"); type && type->string() != "llama")
    type->refuse("the language model ", in_quotes(type->string()), " is not supported; llama is");
  return read_llama_keys(from);
}

}  // namespace detail
}  // namespace CANDOR_NS
