// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// First stage of the base: tower, projector and word embeddings learn together that every patch is called by the
/// thing, the colour and the place that it shows. It stands in for CLIP's pretraining.

#include <candor/data/prefetch.hpp>
#include <candor/model/llava_network.hpp>
#include <candor/model/processor.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/schedule.hpp>

#include "scenes/scene.hpp"
#include "scenes/word_loss.hpp"

#include <string>
#include <vector>

namespace scenes {

struct pretrain_options {
  std::int64_t steps = 1500;
  int batch_size = 64;  ///< pictures
  double learning_rate = 3e-3;
  float scale = 3.0f;  ///< of the logits
  std::uint64_t seed = 11;
};

/// What every patch of some pictures is called; -1 where nothing is to be said.
struct patch_names {
  std::vector<float> pixels;                         // (N, 3, 48, 48)
  std::vector<std::int32_t> kind, colour, row, column;  // (N 16)
};

inline patch_names draw_patches(const candor::processor& p, int pictures, std::uint64_t seed, std::uint64_t step) {
  patch_names out;
  for (int i = 0; i < pictures; ++i) {
    const scene s = draw_scene(seed, step * static_cast<std::uint64_t>(pictures) + static_cast<std::uint64_t>(i));
    const auto pixels = p.transform()(s.picture);
    out.pixels.insert(out.pixels.end(), pixels.begin(), pixels.end());
    const label_maps maps = label_pixels(s);
    for (const int k : label_patches(maps.kind)) out.kind.push_back(k);
    for (const int c : label_patches(maps.colour)) out.colour.push_back(c);
    for (const int c : label_patches(maps.cell)) {
      out.row.push_back(c == 0 ? -1 : (c - 1) / 3);
      out.column.push_back(c == 0 ? -1 : (c - 1) % 3);
    }
  }
  return out;
}

/// Ids of words as they stand inside a sentence.
inline std::vector<std::int32_t> word_ids(const candor::tokenizer& words, const std::vector<std::string>& names) {
  std::vector<std::int32_t> ids;
  for (const auto& name : names) {
    const auto id = words.find("\u2581" + name);
    candor::require<candor::input_error>(id.has_value(), "the tokenizer has no piece for the word ", name);
    ids.push_back(*id);
  }
  return ids;
}

template <class B>
void pretrain(candor::llava_network<B, float>& network, const candor::processor& p, const pretrain_options& o) {
  std::vector<std::string> kinds{"Nothing"}, colours{"Nothing"};
  for (const auto& name : kind_names) kinds.emplace_back(name);
  for (const auto& name : colour_names) colours.emplace_back(name);
  const auto kind_ids = word_ids(p.words(), kinds), colour_ids = word_ids(p.words(), colours),
             row_ids = word_ids(p.words(), {"top", "middle", "bottom"}), column_ids = word_ids(p.words(), {"left", "middle", "right"});

  B& backend = network.backend();
  network.set_tower_trainable(true);
  candor::adamw_optimizer<B> optimizer(backend, {.beta2 = 0.98, .weight_decay = 0.01}, o.seed);
  network.for_parameters([&](candor::parameter<B, float>& w) {
    const bool decoder = w.name().starts_with("model.language_model.") || w.name() == "lm_head.weight";
    w.set_trainable(!decoder || w.name() == "model.language_model.embed_tokens.weight");
    if (w.trainable()) optimizer.add(w);
  });
  const candor::schedule rate({.floor = 0.02, .warmup_steps = 50}, o.steps);
  candor::progress shown({.title = "tower", .unit = "pictures", .units_per_step = double(o.batch_size), .total = o.steps});
  candor::prefetch<patch_names> batches(
      o.steps, 4, [&](std::int64_t i) { return draw_patches(p, o.batch_size, 100 + o.seed, static_cast<std::uint64_t>(i)); });
  for (std::int64_t step = 0; step < o.steps; ++step) {
    const patch_names batch = *batches.next();
    candor::tape<B> tape(backend);
    const auto pixels = candor::tensor<B, float>::from(
        backend, {o.batch_size, static_cast<std::int64_t>(batch.pixels.size()) / o.batch_size}, batch.pixels);
    const auto features = network.image_features({.tape = tape}, pixels.view());
    double loss = 0;
    const auto add = [&](const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets, double weight) {
      loss += word_loss(tape, features, candor::embed(tape, network.text().embedding(), ids), targets, o.scale, weight);
    };
    add(kind_ids, batch.kind, 1.0);
    add(colour_ids, batch.colour, 1.0);
    add(row_ids, batch.row, 0.3);
    add(column_ids, batch.column, 0.3);
    tape.backward();
    const double norm = optimizer.gradient_norm();
    optimizer.step(o.learning_rate * rate.factor(step), norm > 1.0 ? 1.0 / norm : 1.0);
    shown.update(step + 1, {{"loss", loss}});
  }
}

}  // namespace scenes
