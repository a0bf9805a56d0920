// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The blocks of attention: small products by Eigen, softmax by the library's own exp.

#include <candor/backend/host/attention.hpp>
#include <candor/backend/host/matmul_impl.hpp>
#include <candor/core/math.hpp>

#include <algorithm>
#include <limits>
#include <vector>

namespace CANDOR_NS::detail {

inline constexpr std::int64_t query_block = 64, key_block = 64;

/// Keys that some query of a block may see, as runs of whole rows.
struct key_run {
  std::int64_t begin, count, column;  // first row, rows, first column among the gathered keys
};

/// Which keys the queries [q0, q1) of the tree [t0, t1) may see. Returns the number of gathered columns.
CANDOR_INLINE std::int64_t gather_keys(const attention_layout& layout, std::int64_t t0, std::int64_t q0, std::int64_t q1,
                                       std::vector<key_run>& runs) {
  runs.clear();
  const auto last = *std::max_element(layout.reach.begin() + q0, layout.reach.begin() + q1);
  std::int64_t columns = 0;
  for (std::int64_t k = t0; k <= last; k += key_block) {
    const std::int64_t end = std::min<std::int64_t>(k + key_block, last + 1);
    if (*std::max_element(layout.visible_until.begin() + k, layout.visible_until.begin() + end) <= q0) continue;
    if (!runs.empty() && runs.back().begin + runs.back().count == k)
      runs.back().count += end - k;
    else
      runs.push_back({k, end - k, columns});
    columns += end - k;
  }
  return columns;
}

/// A thread's working memory; grows to the largest block and is reused.
template <class A>
struct attention_scratch {
  std::vector<key_run> runs;
  std::vector<A> q, k, v, o, weights, d_weights, d_q, d_k, d_v;
  A* fit(std::vector<A>& buffer, std::int64_t size) {
    if (static_cast<std::int64_t>(buffer.size()) < size) buffer.resize(static_cast<std::size_t>(size));
    return buffer.data();
  }
};

template <class A, class T>
void copy_rows(A* to, const T* from, std::int64_t rows, std::int64_t cols, std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) to[i * cols + j] = static_cast<A>(from[i * stride + j]);
}

template <class A>
void small_product(const A* a, std::int64_t lda, bool ta, const A* b, std::int64_t ldb, bool tb, A* c, std::int64_t ldc,
                   std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate) {
  eigen_multiply(product<A, A>{a, b, c, m, n, k, lda, ldb, ldc, ta, tb, accumulate});
}

/// Calls work(tree, kv head, scratch) for every tree and key head, spread over the threads.
template <class T, class Work>
void for_trees_and_heads(host& backend, const attention_call<T>& c, Work&& work) {
  const auto trees = static_cast<std::int64_t>(c.layout->trees.size()) - 1;
  const std::int64_t tasks = trees * c.heads.kv_count;
  const std::int64_t tokens_each = std::max<std::int64_t>(c.layout->tokens() / std::max<std::int64_t>(trees, 1), 1);
  const std::int64_t grain = 65536 / (tokens_each * tokens_each * c.heads.size) + 1;
  backend.for_ranges(tasks, grain, [&](std::int64_t begin, std::int64_t end) {
    attention_scratch<accumulator_t<T>> scratch;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t tree = i / c.heads.kv_count;
      const std::int64_t t0 = c.layout->trees[static_cast<std::size_t>(tree)];
      const std::int64_t t1 = c.layout->trees[static_cast<std::size_t>(tree + 1)];
      if (t1 > t0) work(t0, t1, i % c.heads.kv_count, scratch);
    }
  });
}

/// Scores of the gathered keys: weights (rows, columns) = scale * q k^T, minus infinity where a key is not seen.
template <class A>
void masked_scores(const attention_layout& layout, const attention_scratch<A>& s, const A* q, const A* k_tree,
                   std::int64_t t0, std::int64_t q0, std::int64_t rows, std::int64_t columns, std::int64_t d, A scale,
                   A* weights) {
  for (const key_run& run : s.runs)
    small_product<A>(q, d, false, k_tree + (run.begin - t0) * d, d, true, weights + run.column, columns, rows, run.count, d,
                     false);
  for (std::int64_t i = 0; i < rows; ++i) {
    A* w = weights + i * columns;
    const std::int32_t query = static_cast<std::int32_t>(q0 + i), reach = layout.reach[static_cast<std::size_t>(query)];
    for (const key_run& run : s.runs) {
      const std::int32_t* until = layout.visible_until.data() + run.begin;
      const auto first = static_cast<std::int32_t>(run.begin);
      for (std::int32_t j = 0; j < static_cast<std::int32_t>(run.count); ++j) {
        const bool seen = (first + j <= reach) & (query < until[j]);
        w[run.column + j] = seen ? w[run.column + j] * scale : -std::numeric_limits<A>::infinity();
      }
    }
  }
}

template <class T>
void attention_forward_blocks(host& backend, const attention_call<T>& c) {
  using A = accumulator_t<T>;
  const std::int64_t d = c.heads.size, group = c.heads.count / c.heads.kv_count;
  for_trees_and_heads(backend, c, [&](std::int64_t t0, std::int64_t t1, std::int64_t kv, attention_scratch<A>& s) {
    const std::int64_t length = t1 - t0;
    A* k = s.fit(s.k, length * d);  // (length, D)
    A* v = s.fit(s.v, length * d);  // (length, D)
    copy_rows(k, &c.k(t0, kv * d), length, d, c.k.stride);
    copy_rows(v, &c.v(t0, kv * d), length, d, c.v.stride);
    const serial_team team;
    for (std::int64_t q0 = t0; q0 < t1; q0 += query_block) {
      const std::int64_t rows = std::min(query_block, t1 - q0);
      const std::int64_t columns = gather_keys(*c.layout, t0, q0, q0 + rows, s.runs);
      A* q = s.fit(s.q, rows * d);              // (rows, D)
      A* o = s.fit(s.o, rows * d);              // (rows, D)
      A* w = s.fit(s.weights, rows * columns);  // (rows, columns)
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        copy_rows(q, &c.q(q0, h * d), rows, d, c.q.stride);
        masked_scores<A>(*c.layout, s, q, k, t0, q0, rows, columns, d, static_cast<A>(c.heads.scale), w);
        for (std::int64_t i = 0; i < rows; ++i) {
          A* row = w + i * columns;
          const A top = team.max(columns, -std::numeric_limits<A>::infinity(), [&](std::int64_t j) { return row[j]; });
          team.each(columns, [&](std::int64_t j) { row[j] = math::exp(row[j] - top); });
          const A sum = team.sum(columns, [&](std::int64_t j) { return row[j]; });
          const A inverse = A(1) / sum;
          team.each(columns, [&](std::int64_t j) { row[j] *= inverse; });
          c.lse(h, q0 + i) = top + math::log(sum);
        }
        bool accumulate = false;
        for (const key_run& run : s.runs) {
          small_product<A>(w + run.column, columns, false, v + (run.begin - t0) * d, d, false, o, d, rows, d, run.count,
                           accumulate);
          accumulate = true;
        }
        for (std::int64_t i = 0; i < rows; ++i)
          for (std::int64_t j = 0; j < d; ++j) c.out(q0 + i, h * d + j) = static_cast<T>(o[i * d + j]);
      }
    }
  });
}

template <class T>
void attention_backward_blocks(host& backend, const attention_call<T>& c) {
  using A = accumulator_t<T>;
  const std::int64_t d = c.heads.size, group = c.heads.count / c.heads.kv_count;
  const A scale = static_cast<A>(c.heads.scale);
  for_trees_and_heads(backend, c, [&](std::int64_t t0, std::int64_t t1, std::int64_t kv, attention_scratch<A>& s) {
    const std::int64_t length = t1 - t0;
    A* k = s.fit(s.k, length * d);
    A* v = s.fit(s.v, length * d);
    A* d_k = s.fit(s.d_k, length * d);
    A* d_v = s.fit(s.d_v, length * d);
    copy_rows(k, &c.k(t0, kv * d), length, d, c.k.stride);
    copy_rows(v, &c.v(t0, kv * d), length, d, c.v.stride);
    std::fill_n(d_k, length * d, A(0));
    std::fill_n(d_v, length * d, A(0));
    const serial_team team;
    for (std::int64_t q0 = t0; q0 < t1; q0 += query_block) {
      const std::int64_t rows = std::min(query_block, t1 - q0);
      const std::int64_t columns = gather_keys(*c.layout, t0, q0, q0 + rows, s.runs);
      A* q = s.fit(s.q, rows * d);
      A* d_o = s.fit(s.o, rows * d);
      A* d_q = s.fit(s.d_q, rows * d);
      A* w = s.fit(s.weights, rows * columns);
      A* d_w = s.fit(s.d_weights, rows * columns);
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        copy_rows(q, &c.q(q0, h * d), rows, d, c.q.stride);
        copy_rows(d_o, &c.d_out(q0, h * d), rows, d, c.d_out.stride);
        masked_scores<A>(*c.layout, s, q, k, t0, q0, rows, columns, d, scale, w);
        for (const key_run& run : s.runs)
          small_product<A>(d_o, d, false, v + (run.begin - t0) * d, d, true, d_w + run.column, columns, rows, run.count, d,
                           false);
        for (std::int64_t i = 0; i < rows; ++i) {
          A* row = w + i * columns;
          A* d_row = d_w + i * columns;
          const A lse = c.lse(h, q0 + i);
          const T* o = &c.out(q0 + i, h * d);
          const A dot = team.sum(d, [&](std::int64_t j) { return static_cast<A>(o[j]) * d_o[i * d + j]; });
          team.each(columns, [&](std::int64_t j) {
            row[j] = math::exp(row[j] - lse);
            d_row[j] = row[j] * (d_row[j] - dot) * scale;
          });
        }
        bool accumulate = false;
        for (const key_run& run : s.runs) {
          const std::int64_t at = (run.begin - t0) * d;
          small_product<A>(d_w + run.column, columns, false, k + at, d, false, d_q, d, rows, d, run.count, accumulate);
          small_product<A>(d_w + run.column, columns, true, q, d, false, d_k + at, d, run.count, d, rows, true);
          small_product<A>(w + run.column, columns, true, d_o, d, false, d_v + at, d, run.count, d, rows, true);
          accumulate = true;
        }
        for (std::int64_t i = 0; i < rows; ++i)
          for (std::int64_t j = 0; j < d; ++j) c.d_q(q0 + i, h * d + j) = static_cast<T>(d_q[i * d + j]);
      }
    }
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t j = 0; j < d; ++j) {
        c.d_k(t0 + i, kv * d + j) = static_cast<T>(d_k[i * d + j]);
        c.d_v(t0 + i, kv * d + j) = static_cast<T>(d_v[i * d + j]);
      }
  });
}

CANDOR_INLINE void run_attention_forward(host& b, const attention_call<float>& c) { attention_forward_blocks(b, c); }
CANDOR_INLINE void run_attention_forward(host& b, const attention_call<double>& c) { attention_forward_blocks(b, c); }
CANDOR_INLINE void run_attention_forward(host& b, const attention_call<bfloat16>& c) { attention_forward_blocks(b, c); }
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<float>& c) { attention_backward_blocks(b, c); }
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<double>& c) { attention_backward_blocks(b, c); }
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<bfloat16>& c) { attention_backward_blocks(b, c); }

}  // namespace CANDOR_NS::detail
