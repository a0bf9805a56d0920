// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The most likely token at each target of hidden rows: argmax_v h[row(t)] W^T[v], the lowest id of equal
/// ones, where a target may exclude one token. Rows go in chunks; there is no gradient. Shapes: h (R, C), W
/// (V, C), targets (N) sorted by row.

#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_chunks.hpp>
#include <candor/backend/head_targets.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace CANDOR_NS {

template <class B, class A>
struct best_token_program {
  view<B, const A> logits;       // (rows of the chunk, V)
  const std::int32_t* starts;    // of the chunk's first row
  const std::int32_t* excluded;  // (N): a vocabulary id, or -1
  std::int32_t* best;            // (N): -1 where no logit is a number

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    constexpr A lowest = -std::numeric_limits<A>::infinity();
    constexpr auto none = std::numeric_limits<std::int64_t>::min();
    const A* z = logits.row(row);
    std::int32_t* out = best;
    for (std::int32_t t = starts[row]; t < starts[row + 1]; ++t) {
      const std::int64_t skip = excluded[t];
      const A top = team.max(logits.cols, lowest, [=](std::int64_t i) { return i == skip ? lowest : z[i]; });
      const std::int64_t first =
          team.max(logits.cols, none, [=](std::int64_t i) { return i != skip && z[i] == top ? -i : none; });
      team.each(1, [=](std::int64_t) {
        out[t] = top > lowest ? static_cast<std::int32_t>(-first) : std::int32_t{-1};
      });
    }
  }
};

/// `excluded` (N) has a vocabulary id for each target, or -1. -1 in the result where all logits are NaN.
template <class B, class T>
std::vector<std::int32_t> head_best_tokens(B& backend, const variable<B, T>& hidden,
                                           const parameter<B, T>& weight, const head_targets& targets,
                                           const std::vector<std::int32_t>& excluded,
                                           const head_memory& memory = {}) {
  using A = accumulator_t<T>;
  const std::int64_t rows = hidden.rows(), vocabulary = weight.extents().rows();
  require<shape_error>(static_cast<std::int64_t>(targets.starts.size()) == rows + 1 &&
                           targets.tokens.size() == excluded.size(),
                       "[head_best_tokens] ", targets.starts.size(), " starts and ", excluded.size(),
                       " excluded tokens given for hidden rows ", hidden.extents(), " and ",
                       targets.tokens.size(), " targets");
  const auto starts = to_backend(backend, targets.starts), skipped = to_backend(backend, excluded);
  tensor<B, std::int32_t> best(backend, shape{static_cast<std::int64_t>(excluded.size())});
  for (std::int64_t first = 0; first < rows; first += memory.chunk_rows) {
    const std::int64_t count = std::min(rows - first, memory.chunk_rows);
    const tensor<B, A> logits = head_logits(backend, hidden, weight, first, count);
    backend.rows(count, 4 * vocabulary,
                 best_token_program<B, A>{logits.view(), starts.view().data + first, skipped.view().data,
                                          best.view().data});
  }
  return best.to_vector();
}

}  // namespace CANDOR_NS
