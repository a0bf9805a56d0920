// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The blocks of attention: small products, and softmax by the library's own exp.

#include <candor/backend/host/attention.hpp>
#include <candor/backend/host/matmul_impl.hpp>
#include <candor/core/math.hpp>

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

namespace CANDOR_NS::detail {

inline constexpr std::int64_t query_block = 64, key_block = 64;

/// Keys that some query of a block may see, as runs of whole rows.
struct key_run {
  std::int64_t begin, count, column;  // first row, rows, first column among the gathered keys
};

/// Which keys the queries [q0, q1) of the tree [t0, t1) may see. Returns the number of gathered columns, rounded up
/// so that loops over them have no remainder.
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
  return (columns + serial_team::lanes - 1) / serial_team::lanes * serial_team::lanes;
}

/// A thread's working memory; grows to the largest block and is reused. `E` is the element type of the products.
template <class A, class E = A>
struct attention_scratch {
  std::vector<key_run> runs;
  std::vector<E> q, k, v, d_o, weights, d_scores;
  std::vector<A> o, scores, d_weights, d_q, d_k, d_v;
  template <class V>
  V* fit(std::vector<V>& buffer, std::int64_t size) {
    if (static_cast<std::int64_t>(buffer.size()) < size) buffer.resize(static_cast<std::size_t>(size));
    return buffer.data();
  }
  /// Where the weights stand in place of their scores, or beside them where their type is another.
  E* weights_for(A* from, std::int64_t size) { return beside(from, weights, size); }
  E* score_gradients_for(A* from, std::int64_t size) { return beside(from, d_scores, size); }

 private:
  E* beside([[maybe_unused]] A* from, [[maybe_unused]] std::vector<E>& other, [[maybe_unused]] std::int64_t size) {
    if constexpr (std::is_same_v<E, A>)
      return from;
    else
      return fit(other, size);
  }
};

/// Rows of one head as an operand of products.
template <class E>
struct head_rows {
  const E* data;
  std::int64_t stride;
  const E* row(std::int64_t i) const { return data + i * stride; }
};

template <class A, class T>
void copy_rows(A* to, const T* from, std::int64_t rows, std::int64_t cols, std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) to[i * cols + j] = static_cast<A>(from[i * stride + j]);
}
template <class T, class A>
void store_row(T* to, const A* from, std::int64_t cols, A scale) {
  for (std::int64_t j = 0; j < cols; ++j) to[j] = static_cast<T>(scale * from[j]);
}

/// The rows where they lie, or as copies in another element type.
template <class E, class T>
head_rows<E> operand_rows(std::vector<E>& buffer, const T* from, std::int64_t rows, std::int64_t cols, std::int64_t stride) {
  if constexpr (std::is_same_v<E, T>) {
    return {from, stride};
  } else {
    if (static_cast<std::int64_t>(buffer.size()) < rows * cols) buffer.resize(static_cast<std::size_t>(rows * cols));
    copy_rows(buffer.data(), from, rows, cols, stride);
    return {buffer.data(), cols};
  }
}

template <class E, class C>
void small_product(host& backend, const E* a, std::int64_t lda, bool ta, const E* b, std::int64_t ldb, bool tb, C* c,
                   std::int64_t ldc, std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate) {
  multiply(backend, product<E, C>{a, b, c, m, n, k, lda, ldb, ldc, ta, tb, accumulate});
}

/// Calls work(tree, kv head, scratch) for every tree and key head, spread over the threads.
template <class E, class T, class Work>
void for_trees_and_heads(host& backend, const attention_call<T>& c, Work&& work) {
  const auto trees = static_cast<std::int64_t>(c.layout->trees.size()) - 1;
  const std::int64_t tasks = trees * c.heads.kv_count;
  const std::int64_t tokens_each = std::max<std::int64_t>(c.layout->tokens() / std::max<std::int64_t>(trees, 1), 1);
  const std::int64_t grain = 65536 / (tokens_each * tokens_each * c.heads.size) + 1;
  backend.for_ranges(tasks, grain, [&](std::int64_t begin, std::int64_t end) {
    attention_scratch<accumulator_t<T>, E> scratch;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t tree = i / c.heads.kv_count;
      const std::int64_t t0 = c.layout->trees[static_cast<std::size_t>(tree)];
      const std::int64_t t1 = c.layout->trees[static_cast<std::size_t>(tree + 1)];
      if (t1 > t0) work(t0, t1, i % c.heads.kv_count, scratch);
    }
  });
}

/// Sets the scores of keys that are not seen, and of the columns behind the last, to minus infinity; blocks that all
/// queries see whole are left alone.
template <class A>
void mask_scores(const attention_layout& layout, const std::vector<key_run>& runs, std::int64_t q0, std::int64_t rows,
                 std::int64_t columns, A* weights) {
  const std::int32_t *reach = layout.reach.data(), *until = layout.visible_until.data();
  constexpr A unseen = -std::numeric_limits<A>::infinity();
  const std::int64_t least_reach = *std::min_element(reach + q0, reach + q0 + rows);
  for (const key_run& run : runs)
    for (std::int64_t at = 0; at < run.count; at += key_block) {
      const std::int64_t n = std::min(key_block, run.count - at), k0 = run.begin + at;
      if (k0 + n - 1 <= least_reach && *std::min_element(until + k0, until + k0 + n) >= q0 + rows) continue;
      for (std::int64_t i = 0; i < rows; ++i) {
        A* w = weights + i * columns + run.column + at;
        const auto query = static_cast<std::int32_t>(q0 + i), last = static_cast<std::int32_t>(reach[query] - k0);
        for (std::int32_t j = 0; j < static_cast<std::int32_t>(n); ++j)
          w[j] = ((j <= last) & (query < until[k0 + j])) ? w[j] : unseen;
      }
    }
  const std::int64_t used = runs.back().column + runs.back().count;
  for (std::int64_t i = 0; i < rows; ++i) std::fill(weights + i * columns + used, weights + (i + 1) * columns, unseen);
}

/// exp(x), and zero where that is below all normal numbers: on the way to zero, processors are slow.
template <class A>
CANDOR_ALWAYS_INLINE A exp_or_zero(A x) {
  constexpr A least = A(-87);
  return math::exp(x < least ? least : x) * static_cast<A>(!(x < least));
}

/// From scores s to weights w = exp(scale (s - top)), which stand in place of the scores where their type is the same.
/// lse = scale top + log(sum). The lambdas here capture by value, and go through one pointer where there is one array:
/// else g++ cannot tell what overlaps and does not vectorise.
template <class E, class A>
void exponentiate(A* row, E* weights, std::int64_t columns, A scale, A& top, A& sum) {
  const serial_team team;
  const A largest = team.max(columns, -std::numeric_limits<A>::infinity(), [=](std::int64_t j) { return row[j]; });
  sum = team.sum(columns, [=](std::int64_t j) {
    const A w = exp_or_zero(scale * (row[j] - largest));
    if constexpr (std::is_same_v<E, A>)
      row[j] = w;
    else
      weights[j] = static_cast<E>(w);
    return w;
  });
  top = scale * largest;
}

/// From scores and the gradients of weights to weights and the gradients of scores, in place as above. dot: sum of
/// out * d_out.
template <class E, class A>
void softmax_gradient(A* row, A* d_row, E* weights, E* d_scores, std::int64_t columns, A scale, A lse, A dot) {
  serial_team().each(columns, [=](std::int64_t j) {
    const A w = exp_or_zero(scale * row[j] - lse), d = scale * w * (d_row[j] - dot);
    if constexpr (std::is_same_v<E, A>) {
      row[j] = w;
      d_row[j] = d;
    } else {
      weights[j] = static_cast<E>(w);
      d_scores[j] = static_cast<E>(d);
    }
  });
}

template <class E, class T>
void attention_forward_blocks(host& backend, const attention_call<T>& c) {
  using A = accumulator_t<T>;
  const std::int64_t d = c.heads.size, group = c.heads.count / c.heads.kv_count;
  const A scale = static_cast<A>(c.heads.scale);
  for_trees_and_heads<E>(backend, c, [&](std::int64_t t0, std::int64_t t1, std::int64_t kv, attention_scratch<A, E>& s) {
    const std::int64_t length = t1 - t0;
    const auto k = operand_rows<E>(s.k, &c.k(t0, kv * d), length, d, c.k.stride);  // (length, D)
    const auto v = operand_rows<E>(s.v, &c.v(t0, kv * d), length, d, c.v.stride);  // (length, D)
    for (std::int64_t q0 = t0; q0 < t1; q0 += query_block) {
      const std::int64_t rows = std::min(query_block, t1 - q0);
      const std::int64_t columns = gather_keys(*c.layout, t0, q0, q0 + rows, s.runs);
      A* o = s.fit(s.o, rows * d);                  // (rows, D)
      A* scores = s.fit(s.scores, rows * columns);  // (rows, columns)
      E* w = s.weights_for(scores, rows * columns);  // (rows, columns)
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        const auto q = operand_rows<E>(s.q, &c.q(q0, h * d), rows, d, c.q.stride);  // (rows, D)
        for (const key_run& run : s.runs)
          small_product(backend, q.data, q.stride, false, k.row(run.begin - t0), k.stride, true, scores + run.column, columns,
                        rows, run.count, d, false);
        mask_scores(*c.layout, s.runs, q0, rows, columns, scores);
        A top[query_block], sum[query_block];
        for (std::int64_t i = 0; i < rows; ++i)
          exponentiate(scores + i * columns, w + i * columns, columns, scale, top[i], sum[i]);
        A* lse = &c.lse(h, q0);
        for (std::int64_t i = 0; i < rows; ++i) lse[i] = top[i] + math::log(sum[i]);
        bool accumulate = false;
        for (const key_run& run : s.runs) {
          small_product(backend, w + run.column, columns, false, v.row(run.begin - t0), v.stride, false, o, d, rows, d,
                        run.count, accumulate);
          accumulate = true;
        }
        for (std::int64_t i = 0; i < rows; ++i) store_row(&c.out(q0 + i, h * d), o + i * d, d, A(1) / sum[i]);
      }
    }
  });
}

template <class E, class T>
void attention_backward_blocks(host& backend, const attention_call<T>& c) {
  using A = accumulator_t<T>;
  const std::int64_t d = c.heads.size, group = c.heads.count / c.heads.kv_count;
  const A scale = static_cast<A>(c.heads.scale);
  for_trees_and_heads<E>(backend, c, [&](std::int64_t t0, std::int64_t t1, std::int64_t kv, attention_scratch<A, E>& s) {
    const std::int64_t length = t1 - t0;
    const auto k = operand_rows<E>(s.k, &c.k(t0, kv * d), length, d, c.k.stride);  // (length, D)
    const auto v = operand_rows<E>(s.v, &c.v(t0, kv * d), length, d, c.v.stride);  // (length, D)
    A* d_k = s.fit(s.d_k, length * d);
    A* d_v = s.fit(s.d_v, length * d);
    std::fill_n(d_k, length * d, A(0));
    std::fill_n(d_v, length * d, A(0));
    const serial_team team;
    for (std::int64_t q0 = t0; q0 < t1; q0 += query_block) {
      const std::int64_t rows = std::min(query_block, t1 - q0);
      const std::int64_t columns = gather_keys(*c.layout, t0, q0, q0 + rows, s.runs);
      A* d_q = s.fit(s.d_q, rows * d);                              // (rows, D)
      A* scores = s.fit(s.scores, rows * columns);                  // (rows, columns)
      A* d_w = s.fit(s.d_weights, rows * columns);                  // (rows, columns)
      E* w = s.weights_for(scores, rows * columns);                  // (rows, columns)
      E* d_s = s.score_gradients_for(d_w, rows * columns);           // (rows, columns), times the scale
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        const auto q = operand_rows<E>(s.q, &c.q(q0, h * d), rows, d, c.q.stride);            // (rows, D)
        const auto d_o = operand_rows<E>(s.d_o, &c.d_out(q0, h * d), rows, d, c.d_out.stride);  // (rows, D)
        for (const key_run& run : s.runs) {
          const std::int64_t at = run.begin - t0;
          small_product(backend, q.data, q.stride, false, k.row(at), k.stride, true, scores + run.column, columns, rows,
                        run.count, d, false);
          small_product(backend, d_o.data, d_o.stride, false, v.row(at), v.stride, true, d_w + run.column, columns, rows,
                        run.count, d, false);
        }
        mask_scores(*c.layout, s.runs, q0, rows, columns, scores);
        for (std::int64_t i = 0; i < rows; ++i) {
          const T* o = &c.out(q0 + i, h * d);
          const T* g = &c.d_out(q0 + i, h * d);
          const A dot = team.sum(d, [=](std::int64_t j) { return static_cast<A>(o[j]) * static_cast<A>(g[j]); });
          const std::int64_t at = i * columns;
          softmax_gradient(scores + at, d_w + at, w + at, d_s + at, columns, scale, c.lse(h, q0 + i), dot);
        }
        bool accumulate = false;
        for (const key_run& run : s.runs) {
          const std::int64_t at = run.begin - t0;
          small_product(backend, d_s + run.column, columns, false, k.row(at), k.stride, false, d_q, d, rows, d, run.count,
                        accumulate);
          small_product(backend, d_s + run.column, columns, true, q.data, q.stride, false, d_k + at * d, d, run.count, d,
                        rows, true);
          small_product(backend, w + run.column, columns, true, d_o.data, d_o.stride, false, d_v + at * d, d, run.count, d,
                        rows, true);
          accumulate = true;
        }
        for (std::int64_t i = 0; i < rows; ++i) store_row(&c.d_q(q0 + i, h * d), d_q + i * d, d, A(1));
      }
    }
    for (std::int64_t i = 0; i < length; ++i) {
      store_row(&c.d_k(t0 + i, kv * d), d_k + i * d, d, A(1));
      store_row(&c.d_v(t0 + i, kv * d), d_v + i * d, d, A(1));
    }
  });
}

/// Calls work(element type of the products). bfloat16 is multiplied as it is where the processor can, else as fp32.
template <class Work>
void with_product_type(host& backend, Work&& work) {
  multiplies_bfloat16(backend) ? work(bfloat16()) : work(float());
}

CANDOR_INLINE void run_attention_forward(host& b, const attention_call<float>& c) { attention_forward_blocks<float>(b, c); }
CANDOR_INLINE void run_attention_forward(host& b, const attention_call<double>& c) { attention_forward_blocks<double>(b, c); }
CANDOR_INLINE void run_attention_forward(host& b, const attention_call<bfloat16>& c) {
  with_product_type(b, [&]<class E>(E) { attention_forward_blocks<E>(b, c); });
}
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<float>& c) { attention_backward_blocks<float>(b, c); }
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<double>& c) { attention_backward_blocks<double>(b, c); }
CANDOR_INLINE void run_attention_backward(host& b, const attention_call<bfloat16>& c) {
  with_product_type(b, [&]<class E>(E) { attention_backward_blocks<E>(b, c); });
}

}  // namespace CANDOR_NS::detail
