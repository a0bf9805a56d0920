// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP's vision transformer (Radford et al., 2021) up to the layer whose output the projector reads.
/// Shapes: pixels (N, 3 S S), patches (N P, 3 p p), hidden (N (P + 1), C) with the class token first.

#include <candor/autograd/ops/add.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/model/clip_block.hpp>
#include <candor/model/llava_config.hpp>
#include <candor/nn/linear.hpp>

#include <memory>
#include <string>
#include <vector>

namespace CANDOR_NS {

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
        patch_embedding_(
            backend, prefix + "embeddings.patch_embedding.weight",
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

  /// hidden_states[layer] of transformers: 0 is what enters the first block, -1 what leaves the last. With
  /// `rows` (R) the last block's output is theirs alone.
  variable<B, T> operator()(const forward_context<B>& context, view<B, const float> pixels,
                            std::int64_t layer, const std::vector<std::int32_t>* rows = nullptr) {
    B& backend = context.tape.backend();
    const std::int64_t images = pixels.rows, count = patches_per_image(), size = config_.image_size;
    require<shape_error>(pixels.cols == config_.num_channels * size * size, "[vision_transformer] pixels ",
                         pixels, " given, expected (images, ", config_.num_channels * size * size, ")");
    variable<B, T> patches(backend, shape{images * count, patch_embedding_.extents().cols()}, false);
    backend.rows(patches.rows(), 2 * patches.cols(),
                 cut_patches_program<B, T>{pixels, patches.value(), size, config_.patch_size,
                                           size / config_.patch_size});
    const variable<B, T> embedded = linear(context.tape, patches, patch_embedding_);

    std::vector<std::int32_t> classes, patch_rows, positions;  // (N (P + 1))
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t i = 0; i <= count; ++i) {
        classes.push_back(i == 0 ? 0 : -1);
        patch_rows.push_back(i == 0 ? -1 : static_cast<std::int32_t>(n * count + i - 1));
        positions.push_back(static_cast<std::int32_t>(i));
      }
    variable<B, T> hidden =
        add(context.tape, embed(context.tape, class_embedding_, classes, embedded, patch_rows),
            embed(context.tape, position_embedding_, positions));
    hidden = layer_norm(context.tape, hidden, pre_norm_.weight, pre_norm_.bias, config_.layer_norm_eps);
    const auto layout = std::make_shared<const attention_layout>(attention_layout::full(images, count + 1));
    const std::int64_t blocks = layer < 0 ? config_.num_hidden_layers + 1 + layer : layer;
    for (std::int64_t i = 0; i < blocks; ++i)
      hidden =
          blocks_[static_cast<std::size_t>(i)](context, hidden, layout, i + 1 == blocks ? rows : nullptr);
    return hidden;
  }

  /// One row for each image, (N, C): its class token after all blocks and the last norm.
  variable<B, T> pooled(const forward_context<B>& context, view<B, const float> pixels) {
    std::vector<std::int32_t> classes;  // (N)
    for (std::int64_t n = 0; n < pixels.rows; ++n)
      classes.push_back(static_cast<std::int32_t>(n * (patches_per_image() + 1)));
    const auto hidden = (*this)(context, pixels, -1, &classes);
    return layer_norm(context.tape, hidden, post_norm_.weight, post_norm_.bias, config_.layer_norm_eps);
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(class_embedding_);
    visit(patch_embedding_);
    visit(position_embedding_);
    for (auto* norm : {&pre_norm_, &post_norm_}) norm->for_parameters(visit);
    for (auto& b : blocks_) b.for_parameters(visit);
  }
  template <class Visit>
  void for_linears(Visit&& visit) {
    for (auto& b : blocks_) b.for_linears(visit);
  }

 private:
  vision_config config_;
  parameter<B, T> class_embedding_, patch_embedding_, position_embedding_;
  layer_norm_parameters<B, T> pre_norm_, post_norm_;
  std::vector<clip_block<B, T>> blocks_;
};

}  // namespace CANDOR_NS
