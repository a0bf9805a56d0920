// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The tensors that a configuration means, without building the network: to check a folder, or to write one.

#include <candor/core/shape.hpp>
#include <candor/model/llava_config.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tools {

/// Canonical name and extents of each tensor, in the order of the network. A tied head is not among them.
inline std::vector<std::pair<std::string, candor::shape>> llava_tensors(const candor::llava_config& c) {
  std::vector<std::pair<std::string, candor::shape>> out;
  const auto matrix = [&](const std::string& path, std::int64_t rows, std::int64_t cols, bool bias) {
    out.emplace_back(path + ".weight", candor::shape{rows, cols});
    if (bias) out.emplace_back(path + ".bias", candor::shape{rows});
  };
  const auto norm = [&](const std::string& path, std::int64_t width, bool bias) {
    out.emplace_back(path + ".weight", candor::shape{width});
    if (bias) out.emplace_back(path + ".bias", candor::shape{width});
  };
  const auto& v = c.vision;
  const std::string tower = "model.vision_tower.";
  out.emplace_back(tower + "embeddings.class_embedding", candor::shape{v.hidden_size});
  out.emplace_back(tower + "embeddings.patch_embedding.weight",
                   candor::shape{v.hidden_size, v.num_channels, v.patch_size, v.patch_size});
  matrix(tower + "embeddings.position_embedding", v.patches() + 1, v.hidden_size, false);
  norm(tower + "pre_layrnorm", v.hidden_size, true);
  for (int i = 0; i < v.num_hidden_layers; ++i) {
    const std::string block = tower + "encoder.layers." + std::to_string(i) + ".";
    for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
      matrix(block + "self_attn." + part, v.hidden_size, v.hidden_size, true);
    norm(block + "layer_norm1", v.hidden_size, true);
    matrix(block + "mlp.fc1", v.intermediate_size, v.hidden_size, true);
    matrix(block + "mlp.fc2", v.hidden_size, v.intermediate_size, true);
    norm(block + "layer_norm2", v.hidden_size, true);
  }
  norm(tower + "post_layernorm", v.hidden_size, true);
  const auto& t = c.text;
  const std::string projector = "model.multi_modal_projector.";
  if (c.projector == candor::projector_kind::linear) {
    matrix(projector + "linear", t.hidden_size, v.hidden_size, c.multimodal_projector_bias);
  } else {
    matrix(projector + "linear_1", t.hidden_size, v.hidden_size, c.multimodal_projector_bias);
    matrix(projector + "linear_2", t.hidden_size, t.hidden_size, c.multimodal_projector_bias);
  }
  const std::string language = "model.language_model.";
  matrix(language + "embed_tokens", t.vocab_size, t.hidden_size, false);
  for (int i = 0; i < t.num_hidden_layers; ++i) {
    const std::string block = language + "layers." + std::to_string(i) + ".";
    matrix(block + "self_attn.q_proj", t.num_attention_heads * t.head_dim, t.hidden_size, false);
    matrix(block + "self_attn.k_proj", t.num_key_value_heads * t.head_dim, t.hidden_size, false);
    matrix(block + "self_attn.v_proj", t.num_key_value_heads * t.head_dim, t.hidden_size, false);
    matrix(block + "self_attn.o_proj", t.hidden_size, t.num_attention_heads * t.head_dim, false);
    matrix(block + "mlp.gate_proj", t.intermediate_size, t.hidden_size, false);
    matrix(block + "mlp.up_proj", t.intermediate_size, t.hidden_size, false);
    matrix(block + "mlp.down_proj", t.hidden_size, t.intermediate_size, false);
    norm(block + "input_layernorm", t.hidden_size, false);
    norm(block + "post_attention_layernorm", t.hidden_size, false);
  }
  norm(language + "norm", t.hidden_size, false);
  if (!t.tie_word_embeddings) matrix("lm_head", t.vocab_size, t.hidden_size, false);
  return out;
}

}  // namespace tools
