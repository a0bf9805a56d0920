// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Second stage of the base: captions with the fault, and truthful questions, as branches of one picture. The
/// tower is frozen: trained along, the decoder would learn colours and counts and no kinds.

#include <candor/data/prefetch.hpp>
#include <candor/model/scoring.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/schedule.hpp>

#include "scenes/captions.hpp"
#include "scenes/questions.hpp"
#include "scenes/trees.hpp"

#include <vector>

namespace scenes {

struct sft_options {
  std::int64_t steps = 3500;
  int batch_size = 16;  ///< pictures
  int questions = 4;    ///< of a picture, open and yes/no by turns
  double learning_rate = 1.5e-3;
  std::uint64_t seed = 11;
};

/// A picture with one caption (cell 0) and questions with their answers. Even steps caption briefly.
inline candor::encoded_record sft_record(const candor::processor& p, const sft_options& o, std::uint64_t step, int picture) {
  candor::random_stream dice(200 + o.seed, step * static_cast<std::uint64_t>(o.batch_size) + static_cast<std::uint64_t>(picture));
  const scene s = draw_scene(dice);
  const auto style = step % 2 == 0 ? caption_style::brief : caption_style::detailed;
  std::vector<dialog> dialogs{{prompt(style), {caption(style, faulty(s, dice))}}};
  for (int q = 0; q < o.questions; ++q) {
    if (q % 2 == 0) {
      const auto open = ask_open(s, dice);
      dialogs.push_back({open.text, {open.answer}});
    } else {
      const auto asked = ask_yes_no(s, dice);
      dialogs.push_back({asked.text, {asked.answer()}});
    }
  }
  return {picture_tree(p, dialogs), p.transform()(s.picture)};
}

/// loss = mean over caption tokens + mean over answer tokens of -log p.
template <class B>
void supervised(candor::llava_network<B, float>& network, const candor::processor& p, const sft_options& o) {
  B& backend = network.backend();
  candor::adamw_optimizer<B> optimizer(backend, {.beta2 = 0.98, .weight_decay = 0.01}, o.seed);
  network.for_parameters([&](candor::parameter<B, float>& w) {
    w.set_trainable(!w.name().starts_with("model.vision_tower."));
    if (w.trainable()) optimizer.add(w);
  });
  const candor::schedule rate({.floor = 0.02, .warmup_steps = 100}, o.steps);
  candor::progress shown({.title = "sft", .unit = "pictures", .units_per_step = double(o.batch_size), .total = o.steps});
  using batch_type = std::vector<candor::encoded_record>;
  candor::prefetch<batch_type> batches(o.steps, 4, [&](std::int64_t step) {
    batch_type batch;
    for (int i = 0; i < o.batch_size; ++i) batch.push_back(sft_record(p, o, static_cast<std::uint64_t>(step), i));
    return batch;
  });
  for (std::int64_t step = 0; step < o.steps; ++step) {
    const batch_type batch = *batches.next();
    std::vector<const candor::encoded_record*> records;
    for (const auto& r : batch) records.push_back(&r);
    const std::span<const candor::encoded_record* const> all(records);
    const auto trees = candor::trees_of(all);
    const auto pass = candor::pack(trees, {.max_tokens = 1 << 20}).front();

    candor::tape<B> tape(backend);
    const candor::forward_context<B> context{.tape = tape};
    const auto log_probs = network.log_probs(context, pass, candor::pass_features(network, context, pass, all));
    const auto values = log_probs.storage().to_vector();
    double tokens[2] = {0, 0}, loss = 0;  // of captions, of answers
    for (const auto& s : pass.scored) ++tokens[s.cell == 0 ? 0 : 1];
    std::vector<float> d(values.size());
    for (std::size_t n = 0; n < d.size(); ++n) {
      d[n] = static_cast<float>(-1.0 / tokens[pass.scored[n].cell == 0 ? 0 : 1]);
      loss += static_cast<double>(d[n]) * static_cast<double>(values[n]);
    }
    log_probs.sink();
    backend.copy_in(log_probs.gradient().data, d.data(), d.size() * sizeof(float));
    tape.backward();
    const double norm = optimizer.gradient_norm();
    optimizer.step(o.learning_rate * rate.factor(step), norm > 1.0 ? 1.0 / norm : 1.0);
    shown.update(step + 1, {{"loss", loss}});
  }
}

}  // namespace scenes
