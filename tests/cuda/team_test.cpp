// SPDX-License-Identifier: Apache-2.0
// Teams of a device: every index once, sums and maxima in every thread, all in step afterwards.
#include "cuda/simt.hpp"
#include "support/catch.hpp"

#include <candor/backend/cuda/row_kernel.hpp>
#include <candor/backend/elements.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using candor_test::simt;

namespace {

/// Row r of n numbers: out(r) = sum, largest, how often the largest comes, seen by the last thread.
template <class S>
struct facts_program {
  const S* numbers;
  S* facts;              // (rows, 3)
  std::int32_t* visits;  // (rows, n)
  std::int64_t n;

  template <class Team>
  void operator()(const Team& team, std::int64_t row) const {
    const S* x = numbers + row * n;
    std::int32_t* seen = visits + row * n;
    S* out = facts + row * 3;
    const std::int64_t length = n;
    team.each(length, [=](std::int64_t i) { seen[i] += 1; });
    const S sum = team.sum(length, [=](std::int64_t i) { return x[i]; });
    const S most = team.max(length, std::numeric_limits<S>::lowest(), [=](std::int64_t i) { return x[i]; });
    // Reads what other threads have written in `each`.
    const S again = team.sum(
        length, [=](std::int64_t i) { return seen[length - 1 - i] == 1 && x[i] == most ? S(1) : S(0); });
    team.each(3, [=](std::int64_t i) { out[i] = i == 0 ? sum : i == 1 ? most : again; });
  }
};

template <class Kernel, class S>
void check_facts(std::int64_t rows, std::int64_t n) {
  std::vector<S> numbers(static_cast<std::size_t>(rows * n)), facts(static_cast<std::size_t>(rows * 3));
  std::vector<std::int32_t> visits(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<S>(static_cast<int>(i * 37 % 101) - 60);
  simt().launch(Kernel{{numbers.data(), facts.data(), visits.data(), n}, rows}, {.x = 2},
                Kernel::shared_bytes);
  for (std::int64_t r = 0; r < rows; ++r) {
    INFO(rows << " rows of " << n << ", row " << r);
    const auto begin = numbers.begin() + r * n, end = begin + n;
    const auto* found = facts.data() + r * 3;
    CHECK(found[0] == std::accumulate(begin, end, S(0)));
    CHECK(found[1] == (n > 0 ? *std::max_element(begin, end) : std::numeric_limits<S>::lowest()));
    CHECK(found[2] == static_cast<S>(std::count(begin, end, found[1])));
  }
  CHECK(std::all_of(visits.begin(), visits.end(), [](int v) { return v == 1; }));
}

}  // namespace

TEMPLATE_TEST_CASE("a team sees every element once and agrees on sums and maxima", "[cuda][team]", float,
                   double, std::int64_t) {
  using program = facts_program<TestType>;
  for (const std::int64_t n : {0, 1, 5, 31, 32, 33, 100, 257, 700})
    for (const std::int64_t rows : {1, 3, 11}) {
      check_facts<candor::device::warp_rows_kernel<program>, TestType>(rows, n);
      check_facts<candor::device::block_rows_kernel<program>, TestType>(rows, n);
    }
}

namespace {

struct top_program {
  const float* numbers;
  float* out;
  template <class Team>
  void operator()(const Team& team, std::int64_t) const {
    const float* x = numbers;
    const float most =
        team.max(64, -std::numeric_limits<float>::infinity(), [=](std::int64_t i) { return x[i]; });
    float* to = out;
    team.each(1, [=](std::int64_t) { to[0] = most; });
  }
};

}  // namespace

TEST_CASE("a NaN is never the largest, as on the host", "[cuda][team]") {
  for (const std::size_t place : {0, 7, 31, 40, 63}) {
    std::vector<float> x(64, -2.0f);
    x[5] = 3.0f;
    x[place] = std::numeric_limits<float>::quiet_NaN();
    float out = 0;
    simt().launch(candor::device::warp_rows_kernel<top_program>{{x.data(), &out}, 1}, {});
    CHECK(out == 3.0f);
    simt().launch(candor::device::block_rows_kernel<top_program>{{x.data(), &out}, 1}, {},
                  candor::device::block_rows_kernel<top_program>::shared_bytes);
    CHECK(out == 3.0f);
  }
}

namespace {

/// y = a + 2 b, (y, b) swapped in place, and a sum: every way that elements.hpp has.
template <class T>
struct elements_program {
  const T *a, *b;
  T *y, *left, *right;
  candor::accumulator_t<T>* sums;  // of a * b, and down the columns of a
  std::int64_t n, rows, columns;

  template <class Team>
  void operator()(const Team& team, std::int64_t) const {
    using A = candor::accumulator_t<T>;
    candor::map_elements(
        team, n, y, [](A x, A z) { return x + 2 * z; }, a, b);
    candor::map_two(
        team, n, left, right,
        [](A x, A z) {
          return candor::two<A>{z, x};
        },
        left, right);
    sums[0] = candor::sum_elements(
        team, n, [](A x, A z) { return x * z; }, a, b);
    const T* from = a;
    const std::int64_t stride = columns;
    candor::sum_down(team, columns, rows, sums + 1, true, [=](std::int64_t row, std::int64_t i) {
      return static_cast<A>(from[row * stride + i]);
    });
  }
};

/// All arrays begin `shift` elements behind a multiple of 16 bytes. Small whole numbers, so every sum is
/// exact.
template <class Kernel, class T>
void check_elements(std::int64_t n, std::int64_t shift) {
  using A = candor::accumulator_t<T>;
  INFO(n << " elements, shifted by " << shift);
  const std::int64_t columns = n < 32 ? n : 29, rows = columns > 0 ? n / columns : 0;
  struct alignas(16) block {
    T values[16 / sizeof(T)];
  };
  std::vector<block> memory[5];
  T* p[5];
  for (int i = 0; i < 5; ++i) {
    memory[i].resize(static_cast<std::size_t>(n + shift) * sizeof(T) / 16 + 2);
    p[i] = memory[i].front().values + shift;
    for (std::int64_t j = 0; j < n; ++j)
      p[i][j] = static_cast<T>(static_cast<float>((j * 7 + i * 3) % 5 - 2));
    p[i][n] = static_cast<T>(77.0f);
  }
  const std::vector<T> left(p[3], p[3] + n), right(p[4], p[4] + n);
  std::vector<A> sums(33, A(1));
  simt().launch(Kernel{{p[0], p[1], p[2], p[3], p[4], sums.data(), n, rows, columns}, 1}, {},
                Kernel::shared_bytes);
  A dot = 0;
  std::vector<A> down(static_cast<std::size_t>(columns), A(1));
  bool same = true;
  for (std::int64_t j = 0; j < n; ++j) {
    const A a = static_cast<A>(p[0][j]), b = static_cast<A>(p[1][j]);
    dot += a * b;
    if (j < rows * columns) down[static_cast<std::size_t>(j % columns)] += a;
    same = same && static_cast<A>(p[2][j]) == a + 2 * b && p[3][j] == right[static_cast<std::size_t>(j)] &&
           p[4][j] == left[static_cast<std::size_t>(j)];
  }
  CHECK(same);
  CHECK(sums[0] == dot);
  CHECK(std::equal(down.begin(), down.end(), sums.begin() + 1));
  for (int i = 0; i < 5; ++i) CHECK(static_cast<float>(p[i][n]) == 77.0f);
}

}  // namespace

TEMPLATE_TEST_CASE("elements come out the same in packs of 16 bytes and one by one", "[cuda][team]", float,
                   double, candor::bfloat16) {
  using program = elements_program<TestType>;
  for (const std::int64_t n : {0, 1, 7, 8, 64, 100, 263, 2050})
    for (const std::int64_t shift : {0, 1}) {
      check_elements<candor::device::warp_rows_kernel<program>, TestType>(n, shift);
      check_elements<candor::device::block_rows_kernel<program>, TestType>(n, shift);
    }
}

namespace {

/// (first, second) of each run becomes (second + shared, first).
template <class T>
struct runs_program {
  T* x;
  const T* shared;
  std::int64_t runs, stride, n;

  template <class Team>
  void operator()(const Team& team, std::int64_t) const {
    using A = candor::accumulator_t<T>;
    candor::map_two_of_runs(
        team, runs, stride, n, x, x + n,
        [](A a, A b, A s) {
          return candor::two<A>{b + s, a};
        },
        shared);
  }
};

/// Small whole numbers; what lies between the runs and behind them stays.
template <class Kernel, class T>
void check_runs(std::int64_t runs, std::int64_t n, std::int64_t gap) {
  INFO(runs << " runs of " << n << ", " << gap << " apart");
  const std::int64_t stride = 2 * n + gap;
  struct alignas(16) block {
    T values[16 / sizeof(T)];
  };
  std::vector<block> memory(static_cast<std::size_t>(runs * stride + 1) * sizeof(T) / 16 + 1),
      others(static_cast<std::size_t>(n) * sizeof(T) / 16 + 1);
  T *x = memory.front().values, *shared = others.front().values;
  const auto number = [](std::int64_t i) { return static_cast<float>(i * 7 % 11); };
  for (std::int64_t i = 0; i <= runs * stride; ++i) x[i] = static_cast<T>(number(i));
  for (std::int64_t i = 0; i < n; ++i) shared[i] = static_cast<T>(number(i + 3));
  simt().launch(Kernel{{x, shared, runs, stride, n}, 1}, {}, Kernel::shared_bytes);
  bool same = true;
  for (std::int64_t i = 0; i <= runs * stride; ++i) {
    const std::int64_t at = i % stride;
    const float expected = i == runs * stride || at >= 2 * n ? number(i)
                           : at < n                          ? number(i + n) + number(at + 3)
                                                             : number(i - n);
    same = same && static_cast<float>(x[i]) == expected;
  }
  CHECK(same);
}

}  // namespace

TEMPLATE_TEST_CASE("runs come out the same in packs of 16 bytes and one by one", "[cuda][team]", float, double,
                   candor::bfloat16) {
  using program = runs_program<TestType>;
  for (const std::int64_t runs : {1, 3, 40})
    for (const std::int64_t n : {1, 5, 8, 64})
      for (const std::int64_t gap : {0, 1, 16}) {
        check_runs<candor::device::warp_rows_kernel<program>, TestType>(runs, n, gap);
        check_runs<candor::device::block_rows_kernel<program>, TestType>(runs, n, gap);
      }
}

TEST_CASE("rows are shared out by their width", "[cuda][team]") {
  using namespace candor::device;
  STATIC_REQUIRE(!takes_block(wide_row - 1));
  STATIC_REQUIRE(takes_block(wide_row));
  STATIC_REQUIRE(row_blocks(0, 4) == 0);
  STATIC_REQUIRE(row_blocks(9, 4) == 3);
  STATIC_REQUIRE(row_blocks(std::int64_t{1} << 40, 1) == (std::int64_t{1} << 31) - 1);
}
