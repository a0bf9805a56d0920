// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The loss that teaches the tower to see: each row of features is compared with the embeddings of a few words,
///   loss = weight * mean over rows with a target of -log softmax(scale * features E^T)[target].
/// Shapes: features (N, C), E (K, C), targets (N), negative where a row has none.

#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/core/math.hpp>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace scenes {

/// z = d loss / d logits for a row of logits z; losses(row) = -log softmax.
template <class B>
struct word_loss_program {
  candor::view<B, float> z;  // (N, K)
  const std::int32_t* targets;
  float* losses;
  float scale, factor;  // of the logits; of the gradient

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    float* logits = z.row(row);
    const std::int32_t target = targets[row];
    const float s = scale, f = target < 0 ? 0.0f : factor;
    const float top = team.max(z.cols, -std::numeric_limits<float>::infinity(), [=](std::int64_t i) { return s * logits[i]; });
    const float sum = team.sum(z.cols, [=](std::int64_t i) { return candor::math::exp(s * logits[i] - top); });
    losses[row] = target < 0 ? 0.0f : top + candor::math::log(sum) - s * logits[target];
    team.each(z.cols, [=](std::int64_t i) {
      logits[i] = f * s * (candor::math::exp(s * logits[i] - top) / sum - (i == target ? 1.0f : 0.0f));
    });
  }
};

/// Returns the loss and records its backward pass.
template <class B>
double word_loss(candor::tape<B>& tape, const candor::variable<B, float>& features, const candor::variable<B, float>& words,
                 const std::vector<std::int32_t>& targets, float scale, double weight) {
  B& backend = tape.backend();
  double count = 0;
  for (const auto t : targets) count += t >= 0;
  if (count == 0) return 0;
  const candor::variable<B, float> z(backend, candor::shape{features.rows(), words.rows()}, true);
  backend.template matmul<float, float>(candor::transpose::no, features.value(), candor::transpose::yes, words.value(), z.value());
  const auto there = candor::tensor<B, std::int32_t>::from(backend, {features.rows()}, targets);
  candor::tensor<B, float> losses(backend, {features.rows()});
  backend.rows(z.rows(), 4 * z.cols(), word_loss_program<B>{z.value(), there.view().data, losses.view().data, scale,
                                                            static_cast<float>(weight / count)});
  tape.record([&backend, features, words, z] {
    const auto d_features = features.sink(), d_words = words.sink();
    const candor::view<B, const float> d = z.value();
    backend.template matmul<float, float>(candor::transpose::no, d, candor::transpose::no, words.value(), d_features.d, d_features.add);
    backend.template matmul<float, float>(candor::transpose::yes, d, candor::transpose::no, features.value(), d_words.d, d_words.add);
  });
  double sum = 0;
  for (const float l : losses.to_vector()) sum += static_cast<double>(l);
  return weight * sum / count;
}

}  // namespace scenes
