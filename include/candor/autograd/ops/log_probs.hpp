// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The head on unique hidden rows, each with a list of targets: y[t] = log softmax(h[row(t)] W^T)[token(t)], nats.
/// Rows go in chunks. The logits of a few are kept for the backward pass, all others are computed again there, so
/// tokens x vocabulary is never stored:
///   d_logits = sum over the row's targets of d_y[t] (onehot(token) - softmax),  d_h = d_logits W,
///   d_W += d_logits^T h.
/// Shapes: h (R, C), W (V, C), targets (N) sorted by row, y (N, 1) in fp32.

#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_chunks.hpp>
#include <candor/backend/elements.hpp>
#include <candor/backend/head_targets.hpp>
#include <candor/backend/log_sum_exp.hpp>
#include <candor/core/math.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class A>
struct log_prob_program {
  view<B, A> logits;                       // (rows of the chunk, V)
  const std::int32_t *starts, *tokens;     // of the chunk's first row
  A* log_probs;                            // (N)
  A* lse;                                  // (rows of the chunk)
  A* log_squares = nullptr;                // (rows of the chunk) log sum_v p_v^2, or null

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = logits.row(row);
    const A log_sum = log_sum_exp(team, logits.cols, z);
    lse[row] = log_sum;
    if (log_squares != nullptr)
      log_squares[row] = math::log(team.sum(logits.cols, [=](std::int64_t i) { return math::exp(2 * (z[i] - log_sum)); }));
    const std::int32_t *token = tokens + starts[row], first = starts[row];
    A* out = log_probs + first;
    team.each(starts[row + 1] - first, [=](std::int64_t t) { out[t] = z[token[t]] - log_sum; });
  }
};

/// d(row, :) = d_logits of the chunk, as elements of the model; in place of the logits where these are of its type.
template <class B, class T>
struct logits_gradient_program {
  using A = accumulator_t<T>;
  static constexpr bool in_place = std::is_same_v<T, A>;
  view<B, A> logits;                     // (rows, V)
  const std::int32_t *starts, *tokens;
  const A *d_log_probs, *lse;
  view<B, T> d;                          // (rows, V), the logits themselves where in place

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    A* z = logits.row(row);
    T* out = d.row(row);
    const A* d_out = d_log_probs;
    const std::int32_t *token = tokens, first = starts[row], last = starts[row + 1];
    A total = 0;
    for (std::int32_t t = first; t < last; ++t) total += d_out[t];
    const A log_sum = lse[row];
    const auto away = [=](A logit) { return -total * math::exp(logit - log_sum); };
    if constexpr (in_place)  // through one pointer: the compiler vectorises nothing that may overlap
      team.each(logits.cols, [=](std::int64_t i) { z[i] = away(z[i]); });
    else
      map_elements(team, logits.cols, out, away, z);
    // Few targets a row: each adds its own to the place it names, again from the full-precision value.
    team.each(last - first, [=](std::int64_t n) {
      const std::int32_t place = token[first + n];
      for (std::int32_t t = first; t < first + n; ++t)
        if (token[t] == place) return;  // the first of equal targets adds for all
      A g = in_place ? z[place] : away(z[place]);
      for (std::int32_t t = first + static_cast<std::int32_t>(n); t < last; ++t)
        if (token[t] == place) g += d_out[t];
      out[place] = static_cast<T>(g);
    });
  }
};

/// `log_squares` (R), where it is given, receives log sum_v p_v^2 of each row, without a gradient.
template <class B, class T>
variable<B, accumulator_t<T>> head_log_probs(tape<B>& tape, const variable<B, T>& hidden, parameter<B, T>& weight,
                                             head_targets targets, const head_memory& memory = {},
                                             std::type_identity_t<tensor<B, accumulator_t<T>>>* log_squares = nullptr) {
  using A = accumulator_t<T>;
  const std::int64_t rows = hidden.rows(), vocabulary = weight.extents().rows();
  const auto count = static_cast<std::int64_t>(targets.tokens.size());
  require<shape_error>(static_cast<std::int64_t>(targets.starts.size()) == rows + 1, "[head_log_probs] ",
                       targets.starts.size(), " starts given for hidden rows ", hidden.extents(), "; one more than rows is needed");
  for (const auto token : targets.tokens)
    require<shape_error>(token >= 0 && token < vocabulary, "[head_log_probs] target ", token,
                         " is outside the vocabulary of ", vocabulary);
  require<shape_error>(log_squares == nullptr || log_squares->size() == rows,
                       "[head_log_probs] hidden rows ", hidden.extents(), " need as many sums of squares");
  const bool tracked = tape.recording() && (hidden.tracked() || weight.trainable());
  B& backend = tape.backend();
  variable<B, A> y(backend, shape{count, 1}, tracked);

  struct saved {
    tensor<B, std::int32_t> starts, tokens;
    tensor<B, A> lse;  // (R)
    std::vector<head_chunk<B, A>> chunks;
  };
  const auto keep = std::make_shared<saved>(to_backend(backend, targets.starts), to_backend(backend, targets.tokens),
                                            tensor<B, A>(backend, shape{rows}));
  keep->chunks = in_head_chunks<B, A>(rows, memory, tracked, [&](std::int64_t first, std::int64_t n) {
    auto logits = head_logits(backend, hidden, weight, first, n);
    backend.rows(n, 8 * vocabulary,
                 log_prob_program<B, A>{logits.view(), keep->starts.view().data + first, keep->tokens.view().data,
                                        y.value().data, keep->lse.view().data + first,
                                        log_squares != nullptr ? log_squares->view().data + first : nullptr});
    return logits;
  });
  if (tracked)
    tape.record([&backend, hidden, &weight, y, keep, vocabulary] {
      const auto again = [&](std::int64_t first, std::int64_t n) { return head_logits(backend, hidden, weight, first, n); };
      head_backward<B, T>(backend, hidden, weight, keep->chunks, again, [&](const auto& c, view<B, A> logits, view<B, T> d) {
        backend.rows(c.rows, 8 * vocabulary,
                     logits_gradient_program<B, T>{logits, keep->starts.view().data + c.first, keep->tokens.view().data,
                                                   y.gradient().data, keep->lse.view().data + c.first, d});
      });
    });
  return y;
}

}  // namespace CANDOR_NS
