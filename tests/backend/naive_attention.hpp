// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention by its definition, in double and over all pairs of tokens, for comparison.

#include "support/random_forest.hpp"

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/data/pack.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace candor_test {

/// A row-major matrix in double.
struct matrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<double> values;

  matrix() = default;
  matrix(std::int64_t r, std::int64_t c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c)) {}
  double& operator()(std::int64_t i, std::int64_t j) {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
  double operator()(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
};

/// Normal values that T holds exactly.
template <class T>
matrix random_matrix(candor::random_stream& random, std::int64_t rows, std::int64_t cols) {
  matrix m(rows, cols);
  for (auto& v : m.values) v = static_cast<double>(static_cast<T>(random.normal()));
  return m;
}

/// A matrix in a backend's memory, with `margin` columns of ones on either side that nobody may touch.
template <class T, class B = candor::host>
class strided {
 public:
  strided(B& backend, std::int64_t rows, std::int64_t cols, std::int64_t margin = 3)
      : strided(backend, matrix(), rows, cols, margin) {}
  strided(B& backend, const matrix& m) : strided(backend, m, m.rows, m.cols, 3) {}

  candor::view<B, T> view() { return all_.view().slice_cols(margin_, cols_); }
  candor::view<B, const T> in() { return view(); }
  matrix to_matrix() const {
    const auto all = bits();
    matrix m(rows(), cols_);
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.cols; ++j)
        m(i, j) = static_cast<double>(all[static_cast<std::size_t>(i * stride() + margin_ + j)]);
    return m;
  }
  bool margins_untouched() const {
    const auto all = bits();
    bool good = true;
    for (std::int64_t i = 0; i < rows(); ++i)
      for (std::int64_t j = 0; j < margin_; ++j)
        for (const std::int64_t place : {j, stride() - 1 - j})
          good = good && all[static_cast<std::size_t>(i * stride() + place)] == T(1.0f);
    return good;
  }
  std::vector<T> bits() const { return all_.to_vector(); }

 private:
  /// With the values of m, or ones where it is empty.
  strided(B& backend, const matrix& m, std::int64_t rows, std::int64_t cols, std::int64_t margin)
      : margin_(margin), cols_(cols), all_(backend, candor::shape{rows, cols + 2 * margin}) {
    std::vector<T> all(static_cast<std::size_t>(all_.size()), T(1.0f));
    for (std::int64_t i = 0; i < m.rows; ++i)
      for (std::int64_t j = 0; j < m.cols; ++j) {
        T& place = all[static_cast<std::size_t>(i * stride() + margin + j)];
        if constexpr (std::is_same_v<T, double>)
          place = m(i, j);
        else
          place = static_cast<T>(static_cast<float>(m(i, j)));
      }
    all_.copy_from(all);
  }
  std::int64_t rows() const { return all_.extents()[0]; }
  std::int64_t stride() const { return cols_ + 2 * margin_; }

  std::int64_t margin_, cols_;
  candor::tensor<B, T> all_;
};

/// out (T, H D) and lse (H, T).
struct attention_values {
  matrix out, lse;
};

inline double score(const candor::attention_heads& h, const matrix& q, const matrix& k, std::int64_t head,
                    std::int64_t i, std::int64_t j) {
  const std::int64_t kv = head * h.kv_count / h.count;
  double s = 0;
  for (std::int64_t x = 0; x < h.size; ++x) s += q(i, head * h.size + x) * k(j, kv * h.size + x);
  return s * h.scale;
}

inline attention_values naive_forward(const candor::attention_heads& h,
                                      const candor::attention_layout& layout, const matrix& q,
                                      const matrix& k, const matrix& v) {
  attention_values y{matrix(q.rows, q.cols), matrix(h.count, q.rows)};
  for (std::int64_t head = 0; head < h.count; ++head)
    for (std::int64_t i = 0; i < q.rows; ++i) {
      const std::int64_t kv = head * h.kv_count / h.count;
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (std::int64_t j = 0; j < k.rows; ++j)
        if (layout.sees(i, j)) top = std::max(top, score(h, q, k, head, i, j));
      for (std::int64_t j = 0; j < k.rows; ++j)
        if (layout.sees(i, j)) sum += std::exp(score(h, q, k, head, i, j) - top);
      y.lse(head, i) = top + std::log(sum);
      for (std::int64_t j = 0; j < k.rows; ++j) {
        if (!layout.sees(i, j)) continue;
        const double weight = std::exp(score(h, q, k, head, i, j) - y.lse(head, i));
        for (std::int64_t x = 0; x < h.size; ++x)
          y.out(i, head * h.size + x) += weight * v(j, kv * h.size + x);
      }
    }
  return y;
}

struct attention_gradients {
  matrix q, k, v;
};

/// With w the weights: d_v = w^T d_out, d_w = d_out v^T, d_s = w (d_w - sum over keys of w d_w).
inline attention_gradients naive_backward(const candor::attention_heads& h,
                                          const candor::attention_layout& layout, const matrix& q,
                                          const matrix& k, const matrix& v, const attention_values& y,
                                          const matrix& d_out) {
  attention_gradients d{matrix(q.rows, q.cols), matrix(k.rows, k.cols), matrix(v.rows, v.cols)};
  for (std::int64_t head = 0; head < h.count; ++head)
    for (std::int64_t i = 0; i < q.rows; ++i) {
      const std::int64_t kv = head * h.kv_count / h.count;
      std::vector<double> w(static_cast<std::size_t>(k.rows)), d_w(w);
      double dot = 0;
      for (std::int64_t j = 0; j < k.rows; ++j) {
        if (!layout.sees(i, j)) continue;
        const auto at = static_cast<std::size_t>(j);
        w[at] = std::exp(score(h, q, k, head, i, j) - y.lse(head, i));
        for (std::int64_t x = 0; x < h.size; ++x)
          d_w[at] += d_out(i, head * h.size + x) * v(j, kv * h.size + x);
        dot += w[at] * d_w[at];
      }
      for (std::int64_t j = 0; j < k.rows; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double d_s = w[at] * (d_w[at] - dot) * h.scale;
        for (std::int64_t x = 0; x < h.size; ++x) {
          d.q(i, head * h.size + x) += d_s * k(j, kv * h.size + x);
          d.k(j, kv * h.size + x) += d_s * q(i, head * h.size + x);
          d.v(j, kv * h.size + x) += w[at] * d_out(i, head * h.size + x);
        }
      }
    }
  return d;
}

inline candor::attention_layout layout_of(const std::vector<candor::forest>& forests) {
  return *candor::pack(pointers(forests), {.max_tokens = 1'000'000}).front().layout;
}

}  // namespace candor_test
