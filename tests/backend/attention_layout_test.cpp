// SPDX-License-Identifier: Apache-2.0
// Attention over random forests, each element within a stated bound of the definition, in memory that is part
// of wider rows; ragged decoding against the forward pass; the same bits on any number of threads.
#include "backend/naive_attention.hpp"
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>

using candor::attention_heads;
using candor::attention_layout;
using candor::bfloat16;
using candor::host;
using candor_test::matrix;
using candor_test::strided;

namespace {

/// What an element may differ: a part of itself (half a unit in the last place of the stored result, and a
/// little), plus a part of the largest element for the arithmetic, which is fp32 but for what
/// bounds<bfloat16> says.
template <class T>
struct bounds;
template <>
struct bounds<float> {
  static constexpr double element = 1e-6, largest = 2e-6;
};
template <>
struct bounds<double> {
  static constexpr double element = 1e-14, largest = 1e-14;
};
template <>
struct bounds<bfloat16> {
  // Weights are rounded to bfloat16 before they multiply v, as in FlashAttention: half a unit in 2^-8 of
  // each, so at most 2^-9 of the largest value.
  static constexpr double element = 1.01 / 256, largest = 1.01 / 512;
};
/// The backward pass subtracts d_out . out with out as it was stored: in bfloat16 to two or three digits.
template <class T>
constexpr double backward_largest = std::is_same_v<T, bfloat16> ? 1e-2 : 4 * bounds<T>::largest;

void check_close(const std::string& what, const matrix& found, const matrix& expected, double element,
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
template <class T>
std::vector<std::vector<T>> check_attention(host& cpu, const attention_heads& heads,
                                            const attention_layout& layout, std::uint64_t seed) {
  candor::random_stream random(seed, 3);
  const std::int64_t t = layout.tokens(), wide = heads.count * heads.size,
                     narrow = heads.kv_count * heads.size;
  const auto q = candor_test::random_matrix<T>(random, t, wide),
             k = candor_test::random_matrix<T>(random, t, narrow),
             v = candor_test::random_matrix<T>(random, t, narrow),
             d_out = candor_test::random_matrix<T>(random, t, wide);
  strided<T> q_in(cpu, q), k_in(cpu, k), v_in(cpu, v), d_out_in(cpu, d_out), out(cpu, t, wide),
      d_q(cpu, t, wide), d_k(cpu, t, narrow), d_v(cpu, t, narrow);
  strided<candor::accumulator_t<T>> lse(cpu, heads.count, t);
  cpu.attention_forward<T>(heads, layout, q_in.in(), k_in.in(), v_in.in(), out.view(), lse.view());
  const auto expected = candor_test::naive_forward(heads, layout, q, k, v);
  check_close("out", out.to_matrix(), expected.out, bounds<T>::element, bounds<T>::largest);
  check_close("lse", lse.to_matrix(), expected.lse, bounds<candor::accumulator_t<T>>::element,
              bounds<candor::accumulator_t<T>>::largest);
  cpu.attention_backward<T>(heads, layout, q_in.in(), k_in.in(), v_in.in(), out.in(), lse.in(), d_out_in.in(),
                            d_q.view(), d_k.view(), d_v.view());
  const auto d = candor_test::naive_backward(heads, layout, q, k, v, expected, d_out);
  check_close("d_q", d_q.to_matrix(), d.q, bounds<T>::element, backward_largest<T>);
  check_close("d_k", d_k.to_matrix(), d.k, bounds<T>::element, backward_largest<T>);
  check_close("d_v", d_v.to_matrix(), d.v, bounds<T>::element, 4 * bounds<T>::largest);
  for (auto* m : {&q_in, &k_in, &v_in, &out, &d_q, &d_k, &d_v}) CHECK(m->margins_untouched());
  CHECK(lse.margins_untouched());
  return {out.bits(), d_q.bits(), d_k.bits(), d_v.bits()};
}

/// Ragged trees, branches of branches, two-way spans, blocks that are seen whole, in part and not at all.
std::vector<attention_layout> layouts() {
  candor::random_stream random(31, 0);
  std::vector<attention_layout> out;
  for (const std::int32_t most_tokens : {5, 40, 100}) {
    candor_test::forest_style style;
    style.most_tokens = most_tokens;
    style.most_segments = 6;
    std::vector<candor::forest> forests;
    for (int i = 0; i < 3; ++i) forests.push_back(candor_test::random_forest(random, style));
    out.push_back(candor_test::layout_of(forests));
  }
  candor_test::forest_style style;
  out.push_back(candor_test::layout_of({candor_test::wide_forest(random, 150, 80, style)}));
  return out;
}

}  // namespace

TEST_CASE("attention over random forests is softmax(q k) v over what a token sees", "[backend][attention]") {
  host cpu({.threads = 2});
  std::uint64_t seed = 0;
  for (const auto& layout : layouts()) {
    INFO("layout " << seed);
    check_attention<float>(cpu, {2, 2, 8, 0.35}, layout, ++seed);
    check_attention<double>(cpu, {2, 1, 6, 0.4}, layout, ++seed);
    check_attention<bfloat16>(cpu, {2, 1, 8, 0.35}, layout, ++seed);
  }
}

TEST_CASE("query heads share key heads in groups, at any head size", "[backend][attention]") {
  host cpu({.threads = 2});
  const auto layout = layouts()[1];
  for (const attention_heads heads : {attention_heads{4, 4, 16, 0.25}, attention_heads{6, 2, 5, 0.4},
                                      attention_heads{5, 1, 1, 1.0}, attention_heads{1, 1, 80, 0.1}}) {
    INFO(heads.count << " heads over " << heads.kv_count << " of " << heads.size);
    check_attention<float>(cpu, heads, layout, 40);
    check_attention<double>(cpu, heads, layout, 41);
  }
}

TEST_CASE("empty trees and layouts without tokens do no harm", "[backend][attention]") {
  host cpu({.threads = 2});
  attention_layout layout = attention_layout::full(2, 5);
  layout.trees = {0, 0, 5, 5, 5, 10, 10};
  check_attention<float>(cpu, {2, 1, 4, 0.5}, layout, 50);
  attention_layout none;
  none.trees = {0};
  check_attention<float>(cpu, {2, 1, 4, 0.5}, none, 51);
}

TEST_CASE("attention gives the same bits on one, two and three threads", "[backend][attention]") {
  const auto all = layouts();
  for (const std::size_t which : {2, 3}) {
    host one({.threads = 1}), two({.threads = 2}), three({.threads = 3});
    const auto expected = check_attention<float>(one, {4, 2, 8, 0.35}, all[which], 60);
    CHECK(check_attention<float>(two, {4, 2, 8, 0.35}, all[which], 60) == expected);
    CHECK(check_attention<float>(three, {4, 2, 8, 0.35}, all[which], 60) == expected);
  }
}

namespace {

/// Groups of branches with stems of their own; each branch's past has its own length, and with slots lies
/// anywhere.
template <class T>
void check_decode(const attention_heads& heads, std::uint64_t seed, bool slots) {
  candor::random_stream random(seed, 4);
  host cpu({.threads = 2});
  candor::decode_layout layout;
  layout.capacity = 9;
  std::vector<candor::forest> forests;
  std::vector<std::int32_t> rows_of_stem, last_rows;  // in the flat layout of the forests
  std::int32_t stem_rows = 0, flat = 0;
  for (const std::int32_t stem : {7, 1, 130, 20}) {
    const std::int32_t branches = candor_test::draw(random, 1, 6);
    stem_rows += 2;  // rows of the cache that belong to nobody here
    layout.groups.push_back(
        {stem_rows, stem_rows + stem, static_cast<std::int32_t>(layout.length.size()), branches});
    stem_rows += stem;
    candor::forest f;
    f.segments.push_back({std::vector<std::int32_t>(static_cast<std::size_t>(stem), 1)});
    rows_of_stem.push_back(flat);
    flat += stem;
    for (std::int32_t b = 0; b < branches; ++b) {
      const std::int32_t length = candor_test::draw(random, 1, static_cast<std::int32_t>(layout.capacity));
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
  const auto q = candor_test::random_matrix<T>(random, branches, wide);
  const auto stem_k = candor_test::random_matrix<T>(random, stem_rows, narrow),
             stem_v = candor_test::random_matrix<T>(random, stem_rows, narrow),
             branch_k = candor_test::random_matrix<T>(random, parts * layout.capacity, narrow),
             branch_v = candor_test::random_matrix<T>(random, parts * layout.capacity, narrow);
  strided<T> q_in(cpu, q), sk(cpu, stem_k), sv(cpu, stem_v), bk(cpu, branch_k), bv(cpu, branch_v),
      out(cpu, branches, wide);
  cpu.attention_decode<T>(heads, layout, q_in.in(), sk.in(), sv.in(), bk.in(), bv.in(), out.view());
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
  const auto flat_layout = candor_test::layout_of(forests);
  REQUIRE(flat_layout.tokens() == flat);
  const auto naive = candor_test::naive_forward(heads, flat_layout, flat_q, flat_k, flat_v);
  strided<T> fq(cpu, flat_q), fk(cpu, flat_k), fv(cpu, flat_v), flat_out(cpu, flat, wide);
  strided<candor::accumulator_t<T>> lse(cpu, heads.count, flat);
  cpu.attention_forward<T>(heads, flat_layout, fq.in(), fk.in(), fv.in(), flat_out.view(), lse.view());
  for (std::int64_t b = 0; b < branches; ++b)
    for (std::int64_t x = 0; x < wide; ++x) {
      expected(b, x) = naive.out(last_rows[static_cast<std::size_t>(b)], x);
      forward(b, x) = static_cast<double>(flat_out.view()(last_rows[static_cast<std::size_t>(b)], x));
    }
  check_close("decode", out.to_matrix(), expected, bounds<T>::element, bounds<T>::largest);
  check_close("decode against forward", out.to_matrix(), forward, 2 * bounds<T>::element,
              2 * bounds<T>::largest);
}

}  // namespace

TEST_CASE("decoding ragged branches of several stems gives what the forward pass gives their rows",
          "[backend][attention][decode]") {
  for (const attention_heads heads :
       {attention_heads{4, 4, 8, 0.35}, attention_heads{6, 2, 5, 0.4}, attention_heads{3, 1, 16, 0.25}}) {
    for (const bool slots : {false, true}) {
      check_decode<float>(heads, 71, slots);
      check_decode<double>(heads, 72, slots);
      check_decode<bfloat16>(heads, 73, slots);
    }
  }
}

TEST_CASE("attention over shapes that do not fit is refused", "[backend][attention]") {
  host cpu({.threads = 1});
  strided<float> q(cpu, 6, 8), k(cpu, 6, 4), wrong(cpu, 6, 5), out(cpu, 6, 8), lse(cpu, 2, 6);
  const auto layout = attention_layout::full(2, 3);
  const auto run = [&](const attention_heads& heads, const attention_layout& l, strided<float>& keys) {
    cpu.attention_forward<float>(heads, l, q.in(), keys.in(), k.in(), out.view(), lse.view());
  };
  CHECK_NOTHROW(run({2, 1, 4, 1.0}, layout, k));
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, layout, wrong), candor_test::contains("k (6, 5)"));
  CHECK_THROWS_AS(run({2, 1, 4, 1.0}, attention_layout::full(2, 4), k), candor::shape_error);
  CHECK_THROWS_WITH(run({3, 2, 4, 1.0}, layout, k), candor_test::contains("3 query heads cannot share 2"));
  auto without_trees = layout;
  without_trees.trees.clear();
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, without_trees, k), candor_test::contains("boundaries of trees"));
  auto cut = layout;
  cut.trees.back() -= 1;
  CHECK_THROWS_WITH(run({2, 1, 4, 1.0}, cut, k), candor_test::contains("boundaries of trees"));
  const candor::decode_layout decode{{{0, 3, 0, 2}}, {1, 1}, 4};
  CHECK_THROWS_AS(
      cpu.attention_decode<float>({2, 1, 4, 1.0}, decode, q.in(), k.in(), k.in(), k.in(), k.in(), out.view()),
      candor::shape_error);
  strided<float> two(cpu, 2, 8);
  const candor::decode_layout behind{{{0, 3, 0, 2}}, {1, 1}, 3, {0, 2}};  // 6 rows have the parts 0 and 1
  CHECK_THROWS_WITH(cpu.attention_decode<float>({2, 1, 4, 1.0}, behind, two.in(), k.in(), k.in(), k.in(),
                                                k.in(), two.view()),
                    candor_test::contains("3 parts"));
}
