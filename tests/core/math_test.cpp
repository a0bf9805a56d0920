// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/math.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace math = candor::math;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// The distance from the true value (in double) in units of the last place of a float of that size.
double ulp_error(float found, double exact) {
  if (std::isnan(exact)) return std::isnan(found) ? 0.0 : 1e30;
  if (std::isnan(found)) return 1e30;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(rounded) || std::isinf(found)) {
    // an overflow is right where the true value rounds to it or lies within the last float
    if (std::isinf(rounded) && std::isinf(found)) return (rounded > 0) == (found > 0) ? 0.0 : 1e30;
    return std::abs(exact) > 0x1.fffffcp+127 && std::abs(double{found}) > 0x1.fffffcp+127 ? 1.0 : 1e30;
  }
  const int exponent = std::max(std::ilogb(exact == 0.0 ? 1e-300 : exact), -126);
  return std::abs(double{found} - exact) / std::ldexp(1.0, exponent - 23);
}

/// The largest error over every `step`-th float of all 2^32, both signs, subnormals, infinities and NaN
/// included.
template <class F, class G>
double worst(F own, G exact, std::uint32_t step = 1021) {
  double most = 0;
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << 32); i += step) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(i));
    const double e = ulp_error(own(x), exact(double{x}));
    if (e > most) most = e, at = i;
  }
  INFO("worst at " << std::bit_cast<float>(static_cast<std::uint32_t>(at)) << ": " << most << " ulp");
  CHECK(most <= 2.0);
  return most;
}

double exact_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double exact_softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

TEST_CASE("the functions lie within 2 ulp over all floats", "[core][math]") {
  worst([](float x) { return math::exp(x); }, [](double x) { return std::exp(x); });
  worst([](float x) { return math::expm1(x); }, [](double x) { return std::expm1(x); });
  worst([](float x) { return math::log(x); }, [](double x) { return std::log(x); });
  worst([](float x) { return math::log1p(x); }, [](double x) { return std::log1p(x); });
  worst([](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); });
  worst([](float x) { return math::sigmoid(x); }, exact_sigmoid);
  worst([](float x) { return math::softplus(x); },
        [](double x) { return std::isnan(x) ? x : exact_softplus(x); });
  worst([](float x) { return math::erf(x); }, [](double x) { return std::erf(x); });
  worst([](float x) { return math::rsqrt(x); }, [](double x) { return 1.0 / std::sqrt(x); });
}

TEST_CASE("the functions lie within 2 ulp where they are used most", "[core][math]") {
  double most = 0;
  for (int i = -400'000; i <= 400'000; ++i) {
    const float x = static_cast<float>(i) * 2.5e-5f;
    const double d = x;
    most = std::max({most, ulp_error(math::exp(x), std::exp(d)), ulp_error(math::expm1(x), std::expm1(d)),
                     ulp_error(math::tanh(x), std::tanh(d)), ulp_error(math::sigmoid(x), exact_sigmoid(d)),
                     ulp_error(math::erf(x), std::erf(d)), ulp_error(math::softplus(x), exact_softplus(d))});
    const float y = x / 4.0f;  // around 1 + y
    if (y > -1) most = std::max(most, ulp_error(math::log1p(y), std::log1p(double{y})));
    if (y > -1) most = std::max(most, ulp_error(math::log(1 + y), std::log(double{1 + y})));
  }
  CHECK(most <= 2.0);
}

TEST_CASE("the square root is correctly rounded", "[core][math]") {
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0x3f800000u; i < 0x40800000u; ++i) {  // [1, 4): all mantissas, both parities
    const float x = std::bit_cast<float>(i);
    wrong += math::sqrt(x) != std::sqrt(x);
  }
  CHECK(wrong == 0);
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << 32); i += 1021) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(i));
    const float found = math::sqrt(x), expected = std::sqrt(x);
    wrong += !(found == expected || (std::isnan(found) && std::isnan(expected)));
  }
  CHECK(wrong == 0);
  CHECK(std::signbit(math::sqrt(-0.0f)));
}

TEST_CASE("the functions are right at the special values", "[core][math]") {
  CHECK(math::exp(0.0f) == 1.0f);
  CHECK(math::exp(inf) == inf);
  CHECK(math::exp(-inf) == 0.0f);
  CHECK(math::exp(-1e4f) == 0.0f);
  CHECK(math::exp(-103.0f) > 0.0f);  // a subnormal
  CHECK(math::log(0.0f) == -inf);
  CHECK(math::log(-0.0f) == -inf);
  CHECK(math::log(1.0f) == 0.0f);
  CHECK(math::log(inf) == inf);
  CHECK(std::isnan(math::log(-1.0f)));
  CHECK(std::isnan(math::log(-inf)));
  CHECK(math::log1p(-1.0f) == -inf);
  CHECK(math::log1p(inf) == inf);
  CHECK(std::isnan(math::log1p(-2.0f)));
  CHECK(math::expm1(-inf) == -1.0f);
  CHECK(math::expm1(inf) == inf);
  CHECK(math::tanh(inf) == 1.0f);
  CHECK(math::tanh(-inf) == -1.0f);
  CHECK(math::erf(inf) == 1.0f);
  CHECK(math::erf(-inf) == -1.0f);
  CHECK(math::sigmoid(0.0f) == 0.5f);
  CHECK(math::sigmoid(inf) == 1.0f);
  CHECK(math::sigmoid(-inf) == 0.0f);
  CHECK(math::softplus(-inf) == 0.0f);
  CHECK(math::softplus(inf) == inf);
  CHECK(math::rsqrt(0.0f) == inf);
  CHECK(math::rsqrt(inf) == 0.0f);
  CHECK(std::isnan(math::rsqrt(-1.0f)));
  for (const float zero : {0.0f, -0.0f}) {  // odd functions keep the sign of zero
    CHECK(std::signbit(math::log1p(zero)) == std::signbit(zero));
    CHECK(std::signbit(math::expm1(zero)) == std::signbit(zero));
    CHECK(std::signbit(math::tanh(zero)) == std::signbit(zero));
    CHECK(std::signbit(math::erf(zero)) == std::signbit(zero));
  }
  CHECK(std::isnan(math::exp(nan_value)));
  CHECK(std::isnan(math::log(nan_value)));
  CHECK(std::isnan(math::log1p(nan_value)));
  CHECK(std::isnan(math::tanh(nan_value)));
  CHECK(std::isnan(math::erf(nan_value)));
  CHECK(std::isnan(math::sigmoid(nan_value)));
  CHECK(std::isnan(math::softplus(nan_value)));
}

TEST_CASE("sine and cosine of a turn are right all round the circle", "[core][math]") {
  double most = 0;
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << 32); i += 4099) {
    const auto word = static_cast<std::uint32_t>(i);
    const auto [s, c] = math::sincos_of_turn(word);
    const double angle = 2 * 3.14159265358979323846 * static_cast<double>(word) / 4294967296.0;
    most = std::max({most, std::abs(s - std::sin(angle)), std::abs(c - std::cos(angle))});
  }
  CHECK(most < 1.2e-7);
  CHECK(math::sincos_of_turn(0).cosine == 1.0f);
  CHECK(math::sincos_of_turn(0x40000000u).sine == 1.0f);
  CHECK(math::sincos_of_turn(0x80000000u).cosine == -1.0f);
  CHECK(math::sincos_of_turn(0xC0000000u).sine == -1.0f);
}

#if defined(__FMA__)
TEST_CASE("the bits are the same on every machine with fma", "[core][math]") {
  // FNV-1a over the results on a sweep; contraction and vector width must not change them
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto take = [&](float y) {
    hash = (hash ^ (y != y ? 0x7fc00000u : std::bit_cast<std::uint32_t>(y))) * 0x100000001b3u;
  };
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << 32); i += 104'729) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(i));
    for (const float y : {math::exp(x), math::expm1(x), math::log(x), math::log1p(x), math::tanh(x),
                          math::sigmoid(x), math::softplus(x), math::erf(x), math::rsqrt(x), math::sqrt(x),
                          math::sincos_of_turn(static_cast<std::uint32_t>(i)).sine,
                          math::sincos_of_turn(static_cast<std::uint32_t>(i)).cosine})
      take(y);
  }
  CHECK(hash == 0xc587abcd96b20cb0u);
}
#endif
