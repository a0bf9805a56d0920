// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP's vision transformer (Radford et al., 2021) up to the layer whose output the projector reads.
/// Shapes: pixels (N, 3 S S), patches (N P, 3 p p), hidden (N (P + 1), C) with the class token first.

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/add.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/nn/linear.hpp>

#include <memory>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Scale and shift of a layer norm.
template <class B, class T>
struct layer_norm_parameters {
  layer_norm_parameters(B& backend, const std::string& path, std::int64_t width)
      : weight(backend, path + ".weight", shape{width}), bias(backend, path + ".bias", shape{width}) {}
  parameter<B, T> weight, bias;
};

/// patches(n P + y G + x, :) = the p x p pixels of each channel at (y, x).
template <class B, class T>
struct cut_patches_program {
  view<B, const float> pixels;     // (N, 3 S S)
  view<B, T> patches;              // (N G G, 3 p p)
  std::int64_t size, patch, grid;  // S, p, G = S / p

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const std::int64_t n = row / (grid * grid), y = row / grid % grid, x = row % grid;
    const std::int64_t side = size, p = patch;
    const float* from = pixels.row(n) + y * p * side + x * p;
    T* to = patches.row(row);
    team.each(patches.cols, [=](std::int64_t i) {
      to[i] = static_cast<T>(from[i / (p * p) * side * side + i / p % p * side + i % p]);
    });
  }
};

template <class B, class T>
class vision_transformer {
 public:
  vision_transformer(B& backend, const vision_config& config, const std::string& prefix)
      : config_(config),
        class_embedding_(backend, prefix + "embeddings.class_embedding", shape{config.hidden_size}),
        patch_embedding_(backend, prefix + "embeddings.patch_embedding.weight",
                         shape{config.hidden_size, config.num_channels, config.patch_size, config.patch_size}),
        position_embedding_(backend, prefix + "embeddings.position_embedding.weight",
                            shape{patches_per_image() + 1, config.hidden_size}),
        pre_norm_(backend, prefix + "pre_layrnorm", config.hidden_size),
        post_norm_(backend, prefix + "post_layernorm", config.hidden_size) {
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
      blocks_.emplace_back(backend, config, prefix + text("encoder.layers.", i, "."));
  }

  std::int64_t patches_per_image() const {
    const std::int64_t grid = config_.image_size / config_.patch_size;
    return grid * grid;
  }

  /// hidden_states[layer] of transformers: 0 is what enters the first block, -1 what leaves the last.
  variable<B, T> operator()(const forward_context<B>& context, view<B, const float> pixels, std::int64_t layer) {
    B& backend = context.tape.backend();
    const std::int64_t images = pixels.rows, count = patches_per_image(), size = config_.image_size;
    require<shape_error>(pixels.cols == config_.num_channels * size * size, "[vision_transformer] pixels ", pixels,
                         " given, expected (images, ", config_.num_channels * size * size, ")");
    variable<B, T> patches(backend, shape{images * count, patch_embedding_.extents().cols()}, false);
    backend.rows(patches.rows(), 2 * patches.cols(),
                 cut_patches_program<B, T>{pixels, patches.value(), size, config_.patch_size, size / config_.patch_size});
    const variable<B, T> embedded = linear(context.tape, patches, patch_embedding_);

    std::vector<std::int32_t> classes, patch_rows, positions;  // (N (P + 1))
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t i = 0; i <= count; ++i) {
        classes.push_back(i == 0 ? 0 : -1);
        patch_rows.push_back(i == 0 ? -1 : static_cast<std::int32_t>(n * count + i - 1));
        positions.push_back(static_cast<std::int32_t>(i));
      }
    variable<B, T> hidden = add(context.tape, embed(context.tape, class_embedding_, classes, embedded, patch_rows),
                                embed(context.tape, position_embedding_, positions));
    hidden = layer_norm(context.tape, hidden, pre_norm_.weight, pre_norm_.bias, config_.layer_norm_eps);
    const auto layout = std::make_shared<const attention_layout>(attention_layout::full(images, count + 1));
    const std::int64_t blocks = layer < 0 ? config_.num_hidden_layers + 1 + layer : layer;
    for (std::int64_t i = 0; i < blocks; ++i) hidden = blocks_[static_cast<std::size_t>(i)](context, hidden, layout);
    return hidden;
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(class_embedding_);
    visit(patch_embedding_);
    visit(position_embedding_);
    for (auto* norm : {&pre_norm_, &post_norm_}) {
      visit(norm->weight);
      visit(norm->bias);
    }
    for (auto& b : blocks_) b.for_parameters(visit);
  }
  template <class Visit>
  void for_linears(Visit&& visit) {
    for (auto& b : blocks_)
      for (auto* l : {&b.qkv, &b.out, &b.up, &b.down}) visit(*l);
  }

 private:
  struct block {
    block(B& backend, const vision_config& c, const std::string& prefix)
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

    variable<B, T> operator()(const forward_context<B>& context, const variable<B, T>& x,
                              const std::shared_ptr<const attention_layout>& layout) {
      const auto n1 = layer_norm(context.tape, x, norm1.weight, norm1.bias, epsilon);
      const auto h = out(context, self_attention(context.tape, qkv(context, n1), heads, layout), x);
      const auto wide = up(context, layer_norm(context.tape, h, norm2.weight, norm2.bias, epsilon));
      return down(context, exact_gelu ? activate<gelu>(context.tape, wide) : activate<quick_gelu>(context.tape, wide), h);
    }

    template <class Visit>
    void for_parameters(Visit&& visit) {
      for (auto* l : {&qkv, &out, &up, &down}) l->for_parameters(visit);
      for (auto* norm : {&norm1, &norm2}) {
        visit(norm->weight);
        visit(norm->bias);
      }
    }

    layer_norm_parameters<B, T> norm1, norm2;
    linear_layer<B, T> qkv, out, up, down;
    attention_heads heads;
    double epsilon;
    bool exact_gelu;
  };

  vision_config config_;
  parameter<B, T> class_embedding_, patch_embedding_, position_embedding_;
  layer_norm_parameters<B, T> pre_norm_, post_norm_;
  std::vector<block> blocks_;
};

}  // namespace CANDOR_NS
