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
#include <candor/backend/elements.hpp>
#include <candor/backend/head_targets.hpp>
#include <candor/core/math.hpp>

#include <limits>
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

/// How much memory the head takes for logits.
struct head_memory {
  std::int64_t chunk_rows = 256;                 ///< rows whose logits are computed together
  std::int64_t kept_bytes = std::int64_t{1} << 27;  ///< of logits that wait for the backward pass; those beyond are computed again
};

template <class B, class T>
variable<B, accumulator_t<T>> head_log_probs(tape<B>& tape, const variable<B, T>& hidden, parameter<B, T>& weight,
                                             head_targets targets, const head_memory& memory = {}) {
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

  struct chunk {
    std::int64_t first, rows;
    tensor<B, A> logits;  // (rows, V), or nothing where they are computed again
  };
  struct saved {
    tensor<B, std::int32_t> starts, tokens;
    tensor<B, A> lse;  // (R)
    std::vector<chunk> chunks;
  };
  const auto keep = std::make_shared<saved>(to_backend(backend, targets.starts), to_backend(backend, targets.tokens),
                                            tensor<B, A>(backend, shape{rows}));
  const auto logits_of = [&backend, hidden, &weight, vocabulary](const chunk& c) {
    tensor<B, A> logits(backend, shape{c.rows, vocabulary});
    backend.template matmul<T, A>(transpose::no, hidden.value().slice_rows(c.first, c.rows), transpose::yes, weight.value(),
                                  logits.view());
    return logits;
  };
  std::int64_t room = tracked ? memory.kept_bytes : 0;
  for (std::int64_t first = 0; first < rows; first += memory.chunk_rows) {
    chunk c{first, rows - first < memory.chunk_rows ? rows - first : memory.chunk_rows, {}};
    auto logits = logits_of(c);
    backend.rows(c.rows, 8 * vocabulary,
                 log_prob_program<B, A>{logits.view(), keep->starts.view().data + first, keep->tokens.view().data,
                                        y.value().data, keep->lse.view().data + first});
    room -= static_cast<std::int64_t>(logits.bytes());
    if (room >= 0) c.logits = std::move(logits);
    keep->chunks.push_back(std::move(c));
  }
  if (tracked)
    tape.record([&backend, hidden, &weight, y, keep, vocabulary, logits_of] {
      const auto d_hidden = hidden.tracked() ? hidden.sink() : gradient_sink<B, T>{};
      for (auto& c : keep->chunks) {
        auto logits = c.logits ? std::move(c.logits) : logits_of(c);
        tensor<B, T> narrow;  // (rows, V) where the model's elements are smaller than logits
        view<B, T> d;         // (rows, V)
        if constexpr (std::is_same_v<T, A>)
          d = logits.view();
        else
          d = (narrow = tensor<B, T>(backend, logits.extents())).view();
        backend.rows(c.rows, 8 * vocabulary,
                     logits_gradient_program<B, T>{logits.view(), keep->starts.view().data + c.first,
                                                   keep->tokens.view().data, y.gradient().data,
                                                   keep->lse.view().data + c.first, d});
        if (hidden.tracked())
          backend.template matmul<T, T>(transpose::no, d, transpose::no, weight.value(),
                                        d_hidden.d.slice_rows(c.first, c.rows), d_hidden.add);
        if (weight.trainable()) {
          const auto d_w = weight.sink();
          backend.template matmul<T, A>(transpose::yes, d, transpose::no, hidden.value().slice_rows(c.first, c.rows), d_w.d,
                                        d_w.add);
        }
      }
    });
  return y;
}

}  // namespace CANDOR_NS
