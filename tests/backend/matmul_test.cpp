// SPDX-License-Identifier: Apache-2.0
// Products of every element type, transposition and stride, by Eigen and by oneDNN where the build has it, against
// sums in double.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <type_traits>
#include <vector>

using candor::bfloat16;
using candor::host;
using candor::transpose;
using candor::view;

namespace {

template <class T>
std::vector<T> numbers(std::int64_t count, std::uint64_t seed) {
  candor::random_stream random(seed, 3);
  std::vector<T> out(static_cast<std::size_t>(count));
  for (auto& v : out) v = static_cast<T>(random.normal());
  return out;
}

struct problem {
  std::int64_t m, n, k, padding;  // padding: elements between the end of a row and the next
  bool ta, tb, accumulate;
};

/// The largest error relative to what rounding may do: `unit` of the result and of each of the sums.
template <class T, class C>
double worst_error(host& cpu, const problem& p) {
  const std::int64_t a_rows = p.ta ? p.k : p.m, a_cols = p.ta ? p.m : p.k;
  const std::int64_t b_rows = p.tb ? p.n : p.k, b_cols = p.tb ? p.k : p.n;
  const auto a = numbers<T>(a_rows * (a_cols + p.padding), 1), b = numbers<T>(b_rows * (b_cols + p.padding), 2);
  const auto before = numbers<C>(p.m * (p.n + p.padding), 4);
  auto c = before;
  if (!p.accumulate) c.assign(c.size(), static_cast<C>(std::nanf("")));  // is written, not read
  const view<host, const T> va{a.data(), a_rows, a_cols, a_cols + p.padding}, vb{b.data(), b_rows, b_cols, b_cols + p.padding};
  const view<host, C> vc{c.data(), p.m, p.n, p.n + p.padding};
  cpu.matmul<T, C>(p.ta ? transpose::yes : transpose::no, va, p.tb ? transpose::yes : transpose::no, vb, vc, p.accumulate);

  const double unit = std::is_same_v<C, bfloat16> ? 0x1p-8 : std::is_same_v<C, float> ? 0x1p-24 : 0x1p-53;
  const double sum_unit = std::is_same_v<T, double> ? 0x1p-53 : 0x1p-24;
  double worst = 0;
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j) {
      double sum = p.accumulate ? static_cast<double>(before[static_cast<std::size_t>(i * vc.stride + j)]) : 0.0, size = std::abs(sum);
      for (std::int64_t l = 0; l < p.k; ++l) {
        const double term = static_cast<double>(p.ta ? va(l, i) : va(i, l)) * static_cast<double>(p.tb ? vb(j, l) : vb(l, j));
        sum += term;
        size += std::abs(term);
      }
      const double error = std::abs(static_cast<double>(vc(i, j)) - sum);
      const double bound = unit * std::abs(sum) + sum_unit * std::sqrt(static_cast<double>(p.k) + 1) * size;
      if (!(error <= worst * bound)) worst = bound > 0 ? error / bound : error;
    }
  return worst;
}

using element_types = std::tuple<std::tuple<double, double>, std::tuple<float, float>, std::tuple<bfloat16, float>,
                                 std::tuple<bfloat16, bfloat16>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("products in all transpositions agree with sums in double", "[backend][matmul]", element_types) {
  using T = std::tuple_element_t<0, TestType>;
  using C = std::tuple_element_t<1, TestType>;
  host library({.threads = 2}), eigen({.threads = 2, .use_onednn = false});
  for (const auto& [m, n, k, padding] : std::vector<std::tuple<int, int, int, int>>{
           {1, 1, 1, 0}, {3, 5, 7, 2}, {1, 64, 33, 0}, {65, 33, 130, 0}, {96, 40, 64, 9}, {70, 530, 1030, 0}})
    for (const int flags : {0, 1, 2, 3, 4, 5, 6, 7}) {
      const problem p{m, n, k, padding, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
      CAPTURE(m, n, k, padding, p.ta, p.tb, p.accumulate);
      CHECK(worst_error<T, C>(eigen, p) <= 1.0);
      CHECK(worst_error<T, C>(library, p) <= 1.0);
    }
}

TEMPLATE_LIST_TEST_CASE("a product over an empty axis is zero or leaves what was there", "[backend][matmul]", element_types) {
  using T = std::tuple_element_t<0, TestType>;
  using C = std::tuple_element_t<1, TestType>;
  host cpu({.threads = 1});
  CHECK(worst_error<T, C>(cpu, {3, 4, 0, 0, false, true, false}) == 0.0);
  CHECK(worst_error<T, C>(cpu, {3, 4, 0, 0, false, true, true}) == 0.0);
}

TEST_CASE("more shapes than are remembered give right products, again too", "[backend][matmul]") {
  host cpu({.threads = 1});
  for (std::int64_t m = 1; m <= 1100; ++m) REQUIRE(worst_error<bfloat16, float>(cpu, {m, 2, 8, 0, false, true, false}) <= 1.0);
  for (std::int64_t m = 1; m <= 5; ++m) REQUIRE(worst_error<bfloat16, float>(cpu, {m, 2, 8, 0, false, true, true}) <= 1.0);
}

TEMPLATE_TEST_CASE("threads that multiply at the same time get the bits of one thread alone", "[backend][matmul]", float, bfloat16) {
  host cpu({.threads = 4});
  constexpr std::int64_t m = 30, n = 50, k = 70, products = 200;
  const auto a = numbers<TestType>(m * k, 1), b = numbers<TestType>(n * k, 2);
  std::vector<float> c(m * n * products);
  cpu.for_ranges(products, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      cpu.matmul<TestType, float>(transpose::no, {a.data(), m, k, k}, transpose::yes, {b.data(), n, k, k},
                                  {c.data() + i * m * n, m, n, n});
  });
  for (std::int64_t i = 1; i < products; ++i) REQUIRE(std::equal(c.begin(), c.begin() + m * n, c.begin() + i * m * n));
}
