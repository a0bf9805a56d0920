// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention on any backend against its definition: each element within a stated bound, in memory that is
/// part of wider rows.

#include "backend/naive_attention.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

namespace candor_test {

/// What an element may differ: a part of itself (half a unit in the last place of the stored result, and a
/// little), plus a part of the largest element for the arithmetic, which is fp32 but for what
/// attention_bounds<candor::bfloat16> says.
template <class T>
struct attention_bounds;
template <>
struct attention_bounds<float> {
  static constexpr double element = 1e-6, largest = 2e-6;
};
template <>
struct attention_bounds<double> {
  static constexpr double element = 1e-14, largest = 1e-14;
};
template <>
struct attention_bounds<candor::bfloat16> {
  // Weights are rounded to candor::bfloat16 before they multiply v, as in FlashAttention: half a unit in 2^-8
  // of each, so at most 2^-9 of the largest value.
  static constexpr double element = 1.01 / 256, largest = 1.01 / 512;
};
/// The backward pass subtracts d_out . out with out as it was stored: in candor::bfloat16 to two or three
/// digits.
template <class T>
constexpr double backward_largest =
    std::is_same_v<T, candor::bfloat16> ? 1e-2 : 4 * attention_bounds<T>::largest;

inline void check_close(const std::string& what, const matrix& found, const matrix& expected, double element,
                        double largest) {
  REQUIRE(found.values.size() == expected.values.size());
  double top = 1.0, worst = 0;
  for (const double v : expected.values) top = std::max(top, std::abs(v));
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    const double allowed = element * std::abs(expected.values[i]) + largest * top;
    const double error = std::abs(found.values[i] - expected.values[i]) / allowed;
    if (!(error <= worst)) worst = error;  // NaN counts
  }
  INFO(what << ": worst error in units of the bound: " << worst);
  CHECK(worst <= 1.0);
}

/// Forward and backward of random values against the definition; the results, to compare two runs.
template <class T, class B>
std::vector<std::vector<T>> check_attention(B& backend, const candor::attention_heads& heads,
                                            const candor::attention_layout& layout, std::uint64_t seed) {
  candor::random_stream random(seed, 3);
  const std::int64_t t = layout.tokens(), wide = heads.count * heads.size,
                     narrow = heads.kv_count * heads.size;
  const auto q = random_matrix<T>(random, t, wide), k = random_matrix<T>(random, t, narrow),
             v = random_matrix<T>(random, t, narrow), d_out = random_matrix<T>(random, t, wide);
  strided<T, B> q_in(backend, q), k_in(backend, k), v_in(backend, v), d_out_in(backend, d_out),
      out(backend, t, wide), d_q(backend, t, wide), d_k(backend, t, narrow), d_v(backend, t, narrow);
  strided<candor::accumulator_t<T>, B> lse(backend, heads.count, t);
  backend.template attention_forward<T>(heads, layout, q_in.in(), k_in.in(), v_in.in(), out.view(),
                                        lse.view());
  const auto expected = naive_forward(heads, layout, q, k, v);
  check_close("out", out.to_matrix(), expected.out, attention_bounds<T>::element,
              attention_bounds<T>::largest);
  check_close("lse", lse.to_matrix(), expected.lse, attention_bounds<candor::accumulator_t<T>>::element,
              attention_bounds<candor::accumulator_t<T>>::largest);
  backend.template attention_backward<T>(heads, layout, q_in.in(), k_in.in(), v_in.in(), out.in(), lse.in(),
                                         d_out_in.in(), d_q.view(), d_k.view(), d_v.view());
  const auto d = naive_backward(heads, layout, q, k, v, expected, d_out);
  check_close("d_q", d_q.to_matrix(), d.q, attention_bounds<T>::element, backward_largest<T>);
  check_close("d_k", d_k.to_matrix(), d.k, attention_bounds<T>::element, backward_largest<T>);
  check_close("d_v", d_v.to_matrix(), d.v, attention_bounds<T>::element, 4 * attention_bounds<T>::largest);
  for (auto* m : {&q_in, &k_in, &v_in, &out, &d_q, &d_k, &d_v}) CHECK(m->margins_untouched());
  CHECK(lse.margins_untouched());
  return {out.bits(), d_q.bits(), d_k.bits(), d_v.bits()};
}

/// Ragged trees, branches of branches, two-way spans, blocks that are seen whole, in part and not at all.
inline std::vector<candor::attention_layout> attention_layouts() {
  candor::random_stream random(31, 0);
  std::vector<candor::attention_layout> out;
  for (const std::int32_t most_tokens : {5, 40, 100}) {
    forest_style style;
    style.most_tokens = most_tokens;
    style.most_segments = 6;
    std::vector<candor::forest> forests;
    for (int i = 0; i < 3; ++i) forests.push_back(random_forest(random, style));
    out.push_back(layout_of(forests));
  }
  forest_style style;
  out.push_back(layout_of({wide_forest(random, 150, 80, style)}));
  return out;
}

template <class B>
void check_forests(B& backend) {
  std::uint64_t seed = 0;
  for (const auto& layout : attention_layouts()) {
    INFO("layout " << seed);
    check_attention<float>(backend, {2, 2, 8, 0.35}, layout, ++seed);
    check_attention<double>(backend, {2, 1, 6, 0.4}, layout, ++seed);
    check_attention<candor::bfloat16>(backend, {2, 1, 8, 0.35}, layout, ++seed);
  }
}

template <class B>
void check_grouped_heads(B& backend) {
  const auto layout = attention_layouts()[1];
  for (const candor::attention_heads heads :
       {candor::attention_heads{4, 4, 16, 0.25}, candor::attention_heads{6, 2, 5, 0.4},
        candor::attention_heads{5, 1, 1, 1.0}, candor::attention_heads{1, 1, 80, 0.1}}) {
    INFO(heads.count << " heads over " << heads.kv_count << " of " << heads.size);
    check_attention<float>(backend, heads, layout, 40);
    check_attention<double>(backend, heads, layout, 41);
  }
}

template <class B>
void check_empty_trees(B& backend) {
  auto layout = candor::attention_layout::full(2, 5);
  layout.trees = {0, 0, 5, 5, 5, 10, 10};
  check_attention<float>(backend, {2, 1, 4, 0.5}, layout, 50);
  candor::attention_layout none;
  none.trees = {0};
  check_attention<float>(backend, {2, 1, 4, 0.5}, none, 51);
}

/// Groups of branches with stems of their own; each branch's past has its own length, and with slots lies
/// anywhere.
template <class T, class B>
void check_decode(B& backend, const candor::attention_heads& heads, std::uint64_t seed, bool slots) {
  candor::random_stream random(seed, 4);
  candor::decode_layout layout;
  layout.capacity = 9;
  std::vector<candor::forest> forests;
  std::vector<std::int32_t> rows_of_stem, last_rows;  // in the flat layout of the forests
  std::int32_t stem_rows = 0, flat = 0;
  for (const std::int32_t stem : {7, 1, 130, 20}) {
    const std::int32_t branches = draw(random, 1, 6);
    stem_rows += 2;  // rows of the cache that belong to nobody here
    layout.groups.push_back(
        {stem_rows, stem_rows + stem, static_cast<std::int32_t>(layout.length.size()), branches});
    stem_rows += stem;
    candor::forest f;
    f.segments.push_back({std::vector<std::int32_t>(static_cast<std::size_t>(stem), 1)});
    rows_of_stem.push_back(flat);
    flat += stem;
    for (std::int32_t b = 0; b < branches; ++b) {
      const std::int32_t length = draw(random, 1, static_cast<std::int32_t>(layout.capacity));
      layout.length.push_back(length);
      f.segments.push_back({std::vector<std::int32_t>(static_cast<std::size_t>(length), 1), 0});
      flat += length;
      last_rows.push_back(flat - 1);
    }
    forests.push_back(std::move(f));
  }
  const auto branches = static_cast<std::int64_t>(layout.length.size());
  const std::int64_t parts = branches + (slots ? 3 : 0);
  if (slots)
    for (const auto part : random.permutation(parts))
      if (static_cast<std::int64_t>(layout.slots.size()) < branches)
        layout.slots.push_back(static_cast<std::int32_t>(part));
  const std::int64_t wide = heads.count * heads.size, narrow = heads.kv_count * heads.size;
  const auto q = random_matrix<T>(random, branches, wide);
  const auto stem_k = random_matrix<T>(random, stem_rows, narrow),
             stem_v = random_matrix<T>(random, stem_rows, narrow),
             branch_k = random_matrix<T>(random, parts * layout.capacity, narrow),
             branch_v = random_matrix<T>(random, parts * layout.capacity, narrow);
  strided<T, B> q_in(backend, q), sk(backend, stem_k), sv(backend, stem_v), bk(backend, branch_k),
      bv(backend, branch_v), out(backend, branches, wide);
  backend.template attention_decode<T>(heads, layout, q_in.in(), sk.in(), sv.in(), bk.in(), bv.in(),
                                       out.view());
  CHECK(out.margins_untouched());

  // The same keys and values laid flat; only the last token of each branch has a query.
  matrix flat_q(flat, wide), flat_k(flat, narrow), flat_v(flat, narrow), expected(branches, wide),
      forward(branches, wide);
  const auto copy = [&](std::int64_t to, std::int64_t from, std::int64_t n, const matrix& keys,
                        const matrix& values) {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t x = 0; x < narrow; ++x) {
        flat_k(to + i, x) = keys(from + i, x);
        flat_v(to + i, x) = values(from + i, x);
      }
  };
  for (std::size_t g = 0; g < layout.groups.size(); ++g)
    copy(rows_of_stem[g], layout.groups[g].stem_begin,
         layout.groups[g].stem_end - layout.groups[g].stem_begin, stem_k, stem_v);
  for (std::int64_t b = 0; b < branches; ++b) {
    const std::int32_t length = layout.length[static_cast<std::size_t>(b)],
                       last = last_rows[static_cast<std::size_t>(b)];
    copy(last - length + 1, layout.past(b), length, branch_k, branch_v);
    for (std::int64_t x = 0; x < wide; ++x) flat_q(last, x) = q(b, x);
  }
  const auto flat_layout = layout_of(forests);
  REQUIRE(flat_layout.tokens() == flat);
  const auto naive = naive_forward(heads, flat_layout, flat_q, flat_k, flat_v);
  strided<T, B> fq(backend, flat_q), fk(backend, flat_k), fv(backend, flat_v), flat_out(backend, flat, wide);
  strided<candor::accumulator_t<T>, B> lse(backend, heads.count, flat);
  backend.template attention_forward<T>(heads, flat_layout, fq.in(), fk.in(), fv.in(), flat_out.view(),
                                        lse.view());
  const matrix flat_out_rows = flat_out.to_matrix();
  for (std::int64_t b = 0; b < branches; ++b)
    for (std::int64_t x = 0; x < wide; ++x) {
      expected(b, x) = naive.out(last_rows[static_cast<std::size_t>(b)], x);
      forward(b, x) = flat_out_rows(last_rows[static_cast<std::size_t>(b)], x);
    }
  check_close("decode", out.to_matrix(), expected, attention_bounds<T>::element,
              attention_bounds<T>::largest);
  check_close("decode against forward", out.to_matrix(), forward, 2 * attention_bounds<T>::element,
              2 * attention_bounds<T>::largest);
}

template <class B>
void check_ragged_decoding(B& backend) {
  for (const candor::attention_heads heads :
       {candor::attention_heads{4, 4, 8, 0.35}, candor::attention_heads{6, 2, 5, 0.4},
        candor::attention_heads{3, 1, 16, 0.25}})
    for (const bool slots : {false, true}) {
      check_decode<float>(backend, heads, 71, slots);
      check_decode<double>(backend, heads, 72, slots);
      check_decode<candor::bfloat16>(backend, heads, 73, slots);
    }
}

}  // namespace candor_test
