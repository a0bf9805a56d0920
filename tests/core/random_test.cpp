// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/random.hpp>

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#endif

#include <algorithm>
#include <array>
#include <cmath>

using candor::philox;
using candor::random_state;
using candor::random_stream;
using candor::uint32x4;

TEST_CASE("philox gives the known answers of its authors", "[core][random]") {
  // kat_vectors of Random123: philox4x32 10
  CHECK(philox({{0, 0, 0, 0}}, 0, 0) == uint32x4{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  CHECK(philox({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u) ==
        uint32x4{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  CHECK(philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0) ==
        uint32x4{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

TEST_CASE("philox equals Random123", "[core][random]") {
#if __has_include(<Random123/philox.h>)
  random_stream words(1, 2);
  for (int i = 0; i < 10'000; ++i) {
    std::array<std::uint32_t, 6> w;
    for (auto& x : w) x = words.next_word();
    const auto theirs = r123::Philox4x32()({{w[0], w[1], w[2], w[3]}}, {{w[4], w[5]}});
    REQUIRE(philox({{w[0], w[1], w[2], w[3]}}, w[4], w[5]) ==
            uint32x4{{theirs[0], theirs[1], theirs[2], theirs[3]}});
  }
#else
  CANDOR_SKIP("Random123 is not installed");
#endif
}

TEST_CASE("a stream continues exactly where its state was taken", "[core][random]") {
  random_stream a(7, 3);
  for (int drawn = 0; drawn < 9; ++drawn) {
    random_stream b(a.state());
    CHECK(b.state() == a.state());
    random_stream copy = a;
    for (int i = 0; i < 11; ++i) REQUIRE(b.next_word() == copy.next_word());
    CHECK(b.normal() == copy.normal());
    CHECK(b.uniform() == copy.uniform());
    CHECK(b.below(10) == copy.below(10));
    a.next_word();
  }
  random_stream c(7, 3);
  const auto block = c.at(1);
  for (int i = 0; i < 4; ++i) c.next_word();
  for (int i = 0; i < 4; ++i) CHECK(c.next_word() == block[i]);
  c.seek({7, 3, 6});
  CHECK(c.next_word() == block[2]);
}

TEST_CASE("seed, stream and counter each change the words in all their bits", "[core][random]") {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t x = std::uint64_t{1} << bit;
    CHECK_FALSE(random_stream(x, 0).at(0) == random_stream(0, 0).at(0));
    CHECK_FALSE(random_stream(0, x).at(0) == random_stream(0, 0).at(0));
    CHECK_FALSE(random_stream(0, 0).at(x) == random_stream(0, 0).at(0));
  }
}

TEST_CASE("uniform numbers are even in the half-open unit interval", "[core][random]") {
  random_stream r(11, 0);
  std::array<int, 64> count{};
  const int n = 640'000;
  for (int i = 0; i < n; ++i) {
    const double u = r.uniform();
    REQUIRE((u >= 0.0 && u < 1.0));
    ++count[static_cast<std::size_t>(u * 64)];
  }
  double chi2 = 0;
  for (const int c : count) chi2 += (c - n / 64.0) * (c - n / 64.0) / (n / 64.0);
  CHECK(chi2 < 103.4);  // 63 degrees of freedom, p = 0.001
  CHECK(candor::unit_float(0) == 0.0f);
  CHECK(candor::unit_float(~0u) == 1.0f - 0x1p-24f);
}

TEST_CASE("normal numbers have the moments and tails of the normal distribution", "[core][random]") {
  random_stream r(12, 0);
  const int n = 400'000;
  double sum = 0, square = 0, cube = 0, fourth = 0, product = 0;
  int beyond2 = 0;
  for (int i = 0; i < n; ++i) {
    const auto words = r.at(static_cast<std::uint64_t>(i));
    const auto [z, other] = candor::normals(words[0], words[1]);
    sum += z;
    square += double{z} * z;
    cube += double{z} * z * z;
    fourth += double{z} * z * z * z;
    product += double{z} * other;
    beyond2 += std::abs(other) > 2.0f;
  }
  const double s = std::sqrt(n);  // bounds: four standard errors
  CHECK(std::abs(sum / n) < 4 * 1 / s);
  CHECK(std::abs(square / n - 1) < 4 * std::sqrt(2.0) / s);
  CHECK(std::abs(cube / n) < 4 * std::sqrt(15.0) / s);
  CHECK(std::abs(fourth / n - 3) < 4 * std::sqrt(96.0) / s);
  CHECK(std::abs(product / n) < 4 * 1 / s);
  CHECK(std::abs(beyond2 / double(n) - 0.0455003) < 4 * std::sqrt(0.0455 * 0.9545) / s);
  for (const std::uint32_t a : {0u, 1u, ~0u}) CHECK(std::isfinite(candor::normals(a, 0).first));
}

TEST_CASE("below(n) is even and stays below n", "[core][random]") {
  random_stream r(13, 0);
  std::array<int, 7> count{};
  for (int i = 0; i < 70'000; ++i) ++count[r.below(7)];
  double chi2 = 0;
  for (const int c : count) chi2 += (c - 1e4) * (c - 1e4) / 1e4;
  CHECK(chi2 < 22.5);                               // 6 degrees of freedom, p = 0.001
  const std::uint64_t large = 0xC000000000000000u;  // plain modulo would give the lower third twice as often
  int low = 0;
  for (int i = 0; i < 30'000; ++i) {
    const auto x = r.below(large);
    REQUIRE(x < large);
    low += x < large / 3;
  }
  CHECK(std::abs(low - 10'000) < 4 * 82);
  CHECK(r.below(1) == 0);
}

TEST_CASE("a permutation holds every index once and depends on the seed alone", "[core][random]") {
  const auto a = random_stream(5, 1).permutation(1000);
  CHECK(a == random_stream(5, 1).permutation(1000));
  CHECK(a != random_stream(6, 1).permutation(1000));
  CHECK(a != random_stream(5, 2).permutation(1000));
  auto sorted = a;
  std::sort(sorted.begin(), sorted.end());
  for (std::int64_t i = 0; i < 1000; ++i) REQUIRE(sorted[static_cast<std::size_t>(i)] == i);
  CHECK(random_stream(5, 1).permutation(0).empty());
  std::array<int, 6> orders{};  // all orders of three items come up alike
  random_stream r(14, 0);
  for (int i = 0; i < 12'000; ++i) {
    const auto p = r.permutation(3);
    ++orders[static_cast<std::size_t>(p[0] * 2 + (p[1] > p[2]))];
  }
  for (const int c : orders) CHECK(std::abs(c - 2000) < 4 * 41);
}
