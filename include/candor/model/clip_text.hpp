// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CLIP's text tower (Radford et al., 2021): causal, with learned positions. Texts lie ragged one after the
/// other, without padding. Shapes: hidden (T, C).

#include <candor/autograd/ops/add.hpp>
#include <candor/model/clip_block.hpp>
#include <candor/model/clip_config.hpp>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Each token of a text sees itself and those before it: texts of these lengths, ragged.
inline attention_layout causal_layout(const std::vector<std::int32_t>& lengths) {
  attention_layout layout;
  layout.trees.push_back(0);
  for (const std::int32_t length : lengths) {
    const std::int32_t begin = layout.trees.back(), end = begin + length;
    for (std::int32_t q = begin; q < end; ++q) layout.reach.push_back(q);
    layout.visible_until.insert(layout.visible_until.end(), static_cast<std::size_t>(length), end);
    layout.trees.push_back(end);
  }
  return layout;
}

template <class B, class T>
class clip_text_tower {
 public:
  clip_text_tower(B& backend, const clip_text_config& config, const std::string& prefix)
      : config_(config),
        token_embedding_(backend, prefix + "embeddings.token_embedding.weight",
                         shape{config.vocab_size, config.hidden_size}),
        position_embedding_(backend, prefix + "embeddings.position_embedding.weight",
                            shape{config.max_position_embeddings, config.hidden_size}),
        final_norm_(backend, prefix + "final_layer_norm", config.hidden_size) {
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
      blocks_.emplace_back(backend, config, prefix + text("encoder.layers.", i, "."));
  }

  /// One row for each text, (N, C): the one of its end (pooled_place) after all blocks and the last norm.
  /// Each text has 1 to max_position_embeddings ids; shape_error otherwise.
  variable<B, T> pooled(const forward_context<B>& context, std::span<const std::vector<std::int32_t>> texts) {
    std::vector<std::int32_t> words, positions, lengths, ends;  // (T), (T), (N), (N)
    for (const auto& ids : texts) {
      require<shape_error>(!ids.empty() && std::ssize(ids) <= config_.max_position_embeddings,
                           "[clip_text_tower] text ", lengths.size(), " has ", ids.size(),
                           " ids; expected 1 to ", config_.max_position_embeddings);
      ends.push_back(static_cast<std::int32_t>(words.size()) + pooled_place(config_, ids));
      lengths.push_back(static_cast<std::int32_t>(ids.size()));
      words.insert(words.end(), ids.begin(), ids.end());
      for (std::int32_t i = 0; i < lengths.back(); ++i) positions.push_back(i);
    }
    const auto layout = std::make_shared<const attention_layout>(causal_layout(lengths));
    variable<B, T> hidden = add(context.tape, embed(context.tape, token_embedding_, words),
                                embed(context.tape, position_embedding_, positions));
    for (auto& b : blocks_) hidden = b(context, hidden, layout, &b == &blocks_.back() ? &ends : nullptr);
    return layer_norm(context.tape, hidden, final_norm_.weight, final_norm_.bias, config_.layer_norm_eps);
  }

  template <class Visit>
  void for_parameters(Visit&& visit) {
    visit(token_embedding_);
    visit(position_embedding_);
    for (auto& b : blocks_) b.for_parameters(visit);
    final_norm_.for_parameters(visit);
  }

 private:
  clip_text_config config_;
  parameter<B, T> token_embedding_, position_embedding_;
  layer_norm_parameters<B, T> final_norm_;
  std::vector<clip_block<B, T>> blocks_;
};

}  // namespace CANDOR_NS
