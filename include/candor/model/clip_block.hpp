// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The layer that both towers of CLIP are made of (Radford et al., 2021): attention and a two-layer
/// perceptron, each behind a layer norm, with biases everywhere. Shapes: hidden (T, C).

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/nn/linear.hpp>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Scale and shift of a layer norm.
template <class B, class T>
struct layer_norm_parameters {
  layer_norm_parameters(B& backend, const std::string& path, std::int64_t width)
      : weight(backend, path + ".weight", shape{width}), bias(backend, path + ".bias", shape{width}) {}

  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(weight);
    visit(bias);
  }
  parameter<B, T> weight, bias;
};

template <class B, class T>
struct clip_block {
  /// `Config` is a vision_config or a clip_text_config.
  template <class Config>
  clip_block(B& backend, const Config& c, const std::string& prefix)
      : norm1(backend, prefix + "layer_norm1", c.hidden_size),
        norm2(backend, prefix + "layer_norm2", c.hidden_size),
        qkv(backend,
            {{prefix + "self_attn.q_proj", c.hidden_size},
             {prefix + "self_attn.k_proj", c.hidden_size},
             {prefix + "self_attn.v_proj", c.hidden_size}},
            c.hidden_size, true),
        out(backend, {{prefix + "self_attn.out_proj", c.hidden_size}}, c.hidden_size, true),
        up(backend, {{prefix + "mlp.fc1", c.intermediate_size}}, c.hidden_size, true),
        down(backend, {{prefix + "mlp.fc2", c.hidden_size}}, c.intermediate_size, true),
        heads{c.num_attention_heads, c.num_attention_heads, c.hidden_size / c.num_attention_heads, 0.0},
        epsilon(c.layer_norm_eps),
        exact_gelu(c.hidden_act == activation::gelu) {
    heads.scale = 1.0 / std::sqrt(static_cast<double>(heads.size));
  }

  /// With `rows` (R), the output is theirs alone, (R, C): the other tokens are seen by attention only.
  variable<B, T> operator()(const forward_context<B>& context, const variable<B, T>& x,
                            const std::shared_ptr<const attention_layout>& layout,
                            const std::vector<std::int32_t>* rows = nullptr) {
    const auto n1 = layer_norm(context.tape, x, norm1.weight, norm1.bias, epsilon);
    const auto attended = self_attention(context.tape, qkv(context, n1), heads, layout);
    const auto h = rows == nullptr
                       ? out(context, attended, x)
                       : out(context, gather(context.tape, attended, *rows), gather(context.tape, x, *rows));
    const auto wide = up(context, layer_norm(context.tape, h, norm2.weight, norm2.bias, epsilon));
    return down(context,
                exact_gelu ? activate<gelu>(context.tape, wide) : activate<quick_gelu>(context.tape, wide),
                h);
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    for (auto* l : {&qkv, &out, &up, &down}) l->for_parameters(visit);
    for (auto* norm : {&norm1, &norm2}) norm->for_parameters(visit);
  }
  template <class Visit>
  void for_linears(Visit&& visit) {
    for (auto* l : {&qkv, &out, &up, &down}) visit(*l);
  }

  layer_norm_parameters<B, T> norm1, norm2;
  linear_layer<B, T> qkv, out, up, down;
  attention_heads heads;
  double epsilon;
  bool exact_gelu;
};

}  // namespace CANDOR_NS
