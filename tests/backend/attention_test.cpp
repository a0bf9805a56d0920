// SPDX-License-Identifier: Apache-2.0
// Attention over random forests against the definition in double, with every element type and with or without
// oneDNN; decoding against the last rows of the same attention.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

using candor::attention_heads;
using candor::attention_layout;
using candor::bfloat16;
using candor::host;
using candor::tensor;

namespace {

template <class T>
tensor<host, T> random_matrix(host& cpu, std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  candor::random_stream random(seed, 5);
  std::vector<T> values(static_cast<std::size_t>(rows * cols));
  for (auto& v : values) v = static_cast<T>(random.normal());
  return tensor<host, T>::from(cpu, {rows, cols}, values);
}

/// A stem with branches, of which the first has branches of its own, and a span of the stem that sees itself.
void grow(attention_layout& layout, std::int32_t stem, std::int32_t branch, std::int32_t branches) {
  const std::int32_t t0 = layout.trees.back(), nested = t0 + stem + 2 * branch, end = nested + (branches - 1) * branch;
  for (std::int32_t i = t0; i < end; ++i) {
    layout.reach.push_back(i >= t0 + 2 && i < t0 + stem / 2 ? t0 + stem / 2 - 1 : i);
    if (i < t0 + stem)
      layout.visible_until.push_back(end);
    else if (i < nested)
      layout.visible_until.push_back(nested);
    else
      layout.visible_until.push_back(nested + ((i - nested) / branch + 1) * branch);
  }
  layout.trees.push_back(end);
}

/// The definition: weights p over the keys that are seen, out = p v, and the gradients of sum(out * d_out).
struct definition {
  std::vector<double> out, lse, d_q, d_k, d_v;

  template <class T>
  definition(const attention_layout& layout, const attention_heads& h, const tensor<host, T>& q, const tensor<host, T>& k,
             const tensor<host, T>& v, const tensor<host, T>& d_out) {
    const std::int64_t n = layout.tokens(), d = h.size;
    out.assign(static_cast<std::size_t>(n * h.count * d), 0.0);
    d_q = out;
    lse.assign(static_cast<std::size_t>(n * h.count), 0.0);
    d_k.assign(static_cast<std::size_t>(n * h.kv_count * d), 0.0);
    d_v = d_k;
    const auto at = [d](std::int64_t count, std::int64_t row, std::int64_t head, std::int64_t x) {
      return static_cast<std::size_t>((row * count + head) * d + x);
    };
    const auto number = [](const auto& m, std::int64_t i, std::int64_t j) { return static_cast<double>(m.view()(i, j)); };
    for (std::int64_t head = 0; head < h.count; ++head)
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t kv = head * h.kv_count / h.count;
        std::vector<std::int64_t> keys;
        const auto tree = std::upper_bound(layout.trees.begin(), layout.trees.end(), static_cast<std::int32_t>(i));
        for (std::int64_t j = *(tree - 1); j < *tree; ++j)
          if (layout.sees(i, j)) keys.push_back(j);
        std::vector<double> p, d_p;
        for (const auto j : keys) {
          double score = 0, gradient = 0;
          for (std::int64_t x = 0; x < d; ++x) {
            score += number(q, i, head * d + x) * number(k, j, kv * d + x);
            gradient += number(d_out, i, head * d + x) * number(v, j, kv * d + x);
          }
          p.push_back(std::exp(score * h.scale));
          d_p.push_back(gradient);
        }
        const double sum = std::accumulate(p.begin(), p.end(), 0.0);
        lse[static_cast<std::size_t>(head * n + i)] = std::log(sum);
        double dot = 0;
        for (std::size_t s = 0; s < p.size(); ++s) dot += (p[s] /= sum) * d_p[s];
        for (std::size_t s = 0; s < p.size(); ++s) {
          const double d_score = p[s] * (d_p[s] - dot) * h.scale;
          for (std::int64_t x = 0; x < d; ++x) {
            out[at(h.count, i, head, x)] += p[s] * number(v, keys[s], kv * d + x);
            d_q[at(h.count, i, head, x)] += d_score * number(k, keys[s], kv * d + x);
            d_k[at(h.kv_count, keys[s], kv, x)] += d_score * number(q, i, head * d + x);
            d_v[at(h.kv_count, keys[s], kv, x)] += p[s] * number(d_out, i, head * d + x);
          }
        }
      }
  }
};

/// Largest difference, as a part of the largest number.
template <class T>
double difference(const tensor<host, T>& found, const std::vector<double>& expected) {
  const auto values = found.to_vector();
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double error = std::abs(static_cast<double>(values[i]) - expected[i]);
    if (!(error <= worst)) worst = error;  // NaN counts
  }
  return worst / largest;
}

}  // namespace

TEMPLATE_TEST_CASE("attention over forests and its gradients are what the definition gives", "[backend][attention]", double,
                   float, bfloat16) {
  using T = TestType;
  const double tolerance = std::is_same_v<T, double> ? 1e-13 : std::is_same_v<T, float> ? 2e-6 : 1e-2;
  attention_layout layout;
  layout.trees = {0};
  grow(layout, 9, 3, 3);
  grow(layout, 1, 1, 1);
  grow(layout, 130, 37, 4);
  const attention_layout tower = attention_layout::full(2, 65);
  for (const bool use_onednn : {true, false})
    for (const attention_heads& heads : {attention_heads{2, 2, 24, 0.2}, attention_heads{4, 2, 16, 0.25}})
      for (const attention_layout* l : {&std::as_const(layout), &tower}) {
        host cpu({.threads = 2, .use_onednn = use_onednn});
        const std::int64_t n = l->tokens(), width = heads.count * heads.size, kv_width = heads.kv_count * heads.size;
        const auto q = random_matrix<T>(cpu, n, width, 1), k = random_matrix<T>(cpu, n, kv_width, 2),
                   v = random_matrix<T>(cpu, n, kv_width, 3), d_out = random_matrix<T>(cpu, n, width, 4);
        tensor<host, T> out(cpu, {n, width}), d_q(cpu, {n, width}), d_k(cpu, {n, kv_width}), d_v(cpu, {n, kv_width});
        tensor<host, candor::accumulator_t<T>> lse(cpu, {heads.count, n});
        cpu.attention_forward<T>(heads, *l, q.view(), k.view(), v.view(), out.view(), lse.view());
        cpu.attention_backward<T>(heads, *l, q.view(), k.view(), v.view(), out.view(), lse.view(), d_out.view(), d_q.view(),
                                  d_k.view(), d_v.view());
        const definition expected(*l, heads, q, k, v, d_out);
        CHECK(difference(out, expected.out) < tolerance);
        CHECK(difference(lse, expected.lse) < std::min(tolerance, 2e-6));
        CHECK(difference(d_q, expected.d_q) < tolerance);
        CHECK(difference(d_k, expected.d_k) < tolerance);
        CHECK(difference(d_v, expected.d_v) < tolerance);
      }
}

TEST_CASE("keys of zero weight take no part, whatever their size", "[backend][attention]") {
  host cpu({.threads = 1});
  const attention_heads heads{1, 1, 8, 1.0};
  const attention_layout layout = attention_layout::full(1, 3);
  auto q = tensor<host, float>::zeros(cpu, {3, 8}), k = tensor<host, float>::zeros(cpu, {3, 8}), v = random_matrix<float>(cpu, 3, 8, 3);
  for (std::int64_t i = 0; i < 3; ++i) q.view()(i, 0) = 100.0f;
  k.view()(2, 0) = 100.0f;  // scores 0, 0, 10000
  tensor<host, float> out(cpu, {3, 8}), lse(cpu, {1, 3});
  cpu.attention_forward<float>(heads, layout, std::as_const(q).view(), std::as_const(k).view(), std::as_const(v).view(), out.view(),
                               lse.view());
  for (std::int64_t i = 0; i < 3; ++i) {
    CHECK(lse.view()(0, i) == 10000.0f);
    for (std::int64_t j = 0; j < 8; ++j) CHECK(out.view()(i, j) == v.view()(2, j));
  }
}

TEMPLATE_TEST_CASE("decoding gives the last row of each branch", "[backend][attention]", double, float, bfloat16) {
  using T = TestType;
  host cpu({.threads = 2});
  const attention_heads heads{4, 2, 16, 0.25};
  const std::int64_t stem = 70, branch = 5, branches = 3, n = stem + branches * branch, kv_width = 32;
  attention_layout layout;
  for (std::int32_t i = 0; i < n; ++i) {
    layout.reach.push_back(i);
    layout.visible_until.push_back(static_cast<std::int32_t>(i < stem ? n : stem + ((i - stem) / branch + 1) * branch));
  }
  layout.trees = {0, static_cast<std::int32_t>(n)};
  const auto q = random_matrix<T>(cpu, n, 64, 1), k = random_matrix<T>(cpu, n, kv_width, 2), v = random_matrix<T>(cpu, n, kv_width, 3);
  tensor<host, T> out(cpu, {n, 64}), last_q(cpu, {branches, 64}), last_out(cpu, {branches, 64});
  tensor<host, candor::accumulator_t<T>> lse(cpu, {heads.count, n});
  cpu.attention_forward<T>(heads, layout, q.view(), k.view(), v.view(), out.view(), lse.view());
  candor::decode_layout decode{.groups = {{0, static_cast<std::int32_t>(stem), 0, static_cast<std::int32_t>(branches)}},
                               .length = std::vector<std::int32_t>(branches, static_cast<std::int32_t>(branch)),
                               .capacity = branch};
  const auto last_row = [&](std::int64_t b) { return stem + (b + 1) * branch - 1; };
  for (std::int64_t b = 0; b < branches; ++b) std::copy_n(q.view().row(last_row(b)), 64, last_q.view().row(b));
  cpu.attention_decode<T>(heads, decode, std::as_const(last_q).view(), k.view().slice_rows(0, stem), v.view().slice_rows(0, stem),
                          k.view().slice_rows(stem, n - stem), v.view().slice_rows(stem, n - stem), last_out.view());
  for (std::int64_t b = 0; b < branches; ++b)
    for (std::int64_t j = 0; j < 64; ++j)
      CHECK(static_cast<double>(last_out.view()(b, j)) ==
            Approx(static_cast<double>(out.view()(last_row(b), j))).margin(std::is_same_v<T, bfloat16> ? 2e-2 : 1e-6));
}
