// SPDX-License-Identifier: Apache-2.0
// Products of every element type, transposition and stride, by Eigen and by oneDNN where the build has it, against
// sums in double.
#include "backend/product_cases.hpp"

#include <candor/backend/host/host.hpp>

#include <algorithm>
#include <tuple>
#include <type_traits>
#include <vector>

using candor::bfloat16;
using candor::host;
using candor::transpose;
using candor_test::numbers;
using candor_test::product_problem;
using candor_test::worst_error;

namespace {

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
      const product_problem p{m, n, k, padding, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0};
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

TEST_CASE("a few rows are multiplied alike, however many there are and whatever the threads", "[backend][matmul]") {
  host one({.threads = 1}), three({.threads = 3});
  constexpr std::int64_t most = 64, n = 331, k = 391;
  const auto a = numbers<float>(most * k, 1), b = numbers<float>(n * k, 2);
  std::vector<float> all(most * n), few(most * n);
  one.matmul<float, float>(transpose::no, {a.data(), most, k, k}, transpose::yes, {b.data(), n, k, k},
                           {all.data(), most, n, n});
  for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 10, 13, 31, 63, 64}) {
    CAPTURE(m);
    CHECK(worst_error<float, float>(three, {m, n, k, 3, false, true, m % 2 == 0}) <= 1.0);
    for (host* cpu : {&one, &three}) {
      std::fill(few.begin(), few.end(), 0.0f);
      cpu->matmul<float, float>(transpose::no, {a.data(), m, k, k}, transpose::yes, {b.data(), n, k, k},
                                {few.data(), m, n, n});
      CHECK(std::equal(few.begin(), few.begin() + m * n, all.begin()));
    }
  }
}
