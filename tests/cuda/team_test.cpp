// SPDX-License-Identifier: Apache-2.0
// Teams of a device: every index once, sums and maxima in every thread, all in step afterwards.
#include "cuda/simt.hpp"
#include "support/catch.hpp"

#include <candor/backend/cuda/row_kernel.hpp>

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

struct narrow_loops {
  static constexpr std::int64_t width = 32;
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

TEST_CASE("rows are shared out by their width", "[cuda][team]") {
  using namespace candor::device;
  STATIC_REQUIRE(!takes_block<top_program>(wide_row - 1));
  STATIC_REQUIRE(takes_block<top_program>(wide_row));
  STATIC_REQUIRE(!takes_block<narrow_loops>(std::int64_t{1} << 20));
  STATIC_REQUIRE(row_blocks(0, 4) == 0);
  STATIC_REQUIRE(row_blocks(9, 4) == 3);
  STATIC_REQUIRE(row_blocks(std::int64_t{1} << 40, 1) == (std::int64_t{1} << 31) - 1);
}
