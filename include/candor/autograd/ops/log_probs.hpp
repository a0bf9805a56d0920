// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The head on unique hidden rows, each with a list of targets: y[t] = log softmax(h[row(t)] W^T)[token(t)], nats.
/// Rows go in chunks, so tokens x vocabulary is never stored; the backward pass computes a chunk's logits again:
///   d_logits = sum over the row's targets of d_y[t] (onehot(token) - softmax),  d_h = d_logits W,
///   d_W += d_logits^T h.
/// Shapes: h (R, C), W (V, C), targets (N) sorted by row, y (N, 1) in fp32.

#include <candor/autograd/ops/gather.hpp>
#include <candor/backend/head_targets.hpp>
#include <candor/core/math.hpp>

#include <limits>
#include <memory>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class A>
struct log_prob_program {
  view<B, A> logits;                       // (rows of the chunk, V)
  const std::int32_t *starts, *tokens;     // of the chunk's first row
  A* log_probs;                            // (N)
  A* lse;                                  // (rows of the chunk)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = logits.row(row);
    const A top = team.max(logits.cols, -std::numeric_limits<A>::infinity(), [=](std::int64_t i) { return z[i]; });
    const A sum = team.sum(logits.cols, [=](std::int64_t i) { return math::exp(z[i] - top); });
    const A log_sum = top + math::log(sum);
    lse[row] = log_sum;
    const std::int32_t *token = tokens + starts[row], first = starts[row];
    A* out = log_probs + first;
    team.each(starts[row + 1] - first, [=](std::int64_t t) { out[t] = z[token[t]] - log_sum; });
  }
};

/// d(row, :) = d_logits of the chunk, as elements of the model.
template <class B, class T>
struct logits_gradient_program {
  using A = accumulator_t<T>;
  view<B, const A> logits;               // (rows, V)
  const std::int32_t *starts, *tokens;
  const A *d_log_probs, *lse;
  view<B, T> d;                          // (rows, V)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* z = logits.row(row);
    const A* d_out = d_log_probs;
    const std::int32_t *token = tokens, first = starts[row], last = starts[row + 1];
    A total = 0;
    for (std::int32_t t = first; t < last; ++t) total += d_out[t];
    const A log_sum = lse[row];
    T* out = d.row(row);
    team.each(d.cols, [=](std::int64_t i) {
      A g = -total * math::exp(z[i] - log_sum);
      out[i] = static_cast<T>(g);
    });
    // Few targets a row: each adds its own to the place it names, again from the full-precision value.
    team.each(last - first, [=](std::int64_t n) {
      const std::int32_t place = token[first + n];
      for (std::int32_t t = first; t < first + n; ++t)
        if (token[t] == place) return;  // the first of equal targets adds for all
      A g = -total * math::exp(z[place] - log_sum);
      for (std::int32_t t = first + static_cast<std::int32_t>(n); t < last; ++t)
        if (token[t] == place) g += d_out[t];
      out[place] = static_cast<T>(g);
    });
  }
};

/// `chunk_rows` bounds the stored logits: chunk_rows x V numbers at a time.
template <class B, class T>
variable<B, accumulator_t<T>> head_log_probs(tape<B>& tape, const variable<B, T>& hidden, parameter<B, T>& weight,
                                             head_targets targets, std::int64_t chunk_rows = 1024) {
  using A = accumulator_t<T>;
  const std::int64_t rows = hidden.rows(), vocabulary = weight.extents().rows();
  const auto count = static_cast<std::int64_t>(targets.tokens.size());
  require<shape_error>(static_cast<std::int64_t>(targets.starts.size()) == rows + 1, "[head_log_probs] ",
                       targets.starts.size(), " starts given for hidden rows ", hidden.extents(), "; one more than rows is needed");
  for (const auto token : targets.tokens)
    require<shape_error>(token >= 0 && token < vocabulary, "[head_log_probs] target ", token,
                         " is outside the vocabulary of ", vocabulary);
  const bool tracked = tape.recording() && (hidden.tracked() || weight.trainable());
  B& backend = tape.backend();
  variable<B, A> y(backend, shape{count, 1}, tracked);

  struct saved {
    tensor<B, std::int32_t> starts, tokens;
    tensor<B, A> lse;
  };
  const auto keep = std::make_shared<saved>(to_backend(backend, targets.starts), to_backend(backend, targets.tokens),
                                            tensor<B, A>(backend, shape{rows}));
  const auto for_chunks = [&backend, hidden, &weight, rows, vocabulary, chunk_rows](auto&& work) {
    for (std::int64_t first = 0; first < rows; first += chunk_rows) {
      const std::int64_t n = rows - first < chunk_rows ? rows - first : chunk_rows;
      tensor<B, A> logits(backend, shape{n, vocabulary});
      const view<B, const T> h = hidden.value().slice_rows(first, n);
      backend.template matmul<T, A>(transpose::no, h, transpose::yes, weight.value(), logits.view());
      work(first, n, h, logits.view());
    }
  };
  for_chunks([&](std::int64_t first, std::int64_t n, view<B, const T>, view<B, A> logits) {
    backend.rows(n, 8 * vocabulary,
                 log_prob_program<B, A>{logits, keep->starts.view().data + first, keep->tokens.view().data, y.value().data,
                                        keep->lse.view().data + first});
  });
  if (tracked)
    tape.record([&backend, hidden, &weight, y, keep, vocabulary, for_chunks] {
      const auto d_hidden = hidden.tracked() ? hidden.sink() : gradient_sink<B, T>{};
      for_chunks([&](std::int64_t first, std::int64_t n, view<B, const T> h, view<B, A> logits) {
        tensor<B, T> d_logits(backend, shape{n, vocabulary});
        backend.rows(n, 8 * vocabulary,
                     logits_gradient_program<B, T>{logits, keep->starts.view().data + first, keep->tokens.view().data,
                                                   y.gradient().data, keep->lse.view().data + first, d_logits.view()});
        if (hidden.tracked())
          backend.template matmul<T, T>(transpose::no, std::as_const(d_logits).view(), transpose::no, weight.value(),
                                        d_hidden.d.slice_rows(first, n), d_hidden.add);
        if (weight.trainable()) {
          const auto d_w = weight.sink();
          backend.template matmul<T, A>(transpose::yes, std::as_const(d_logits).view(), transpose::no, h, d_w.d, d_w.add);
        }
      });
    });
  return y;
}

}  // namespace CANDOR_NS
