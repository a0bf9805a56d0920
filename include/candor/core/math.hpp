// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Elementary functions in float for loops over rows: polynomials without branches, so that g++ -O3
/// vectorises loops over them, on a host at most 2 ulp from the true value, right at 0, subnormals, infinities and NaN.
/// Every multiply-add is an explicit fma, so contraction by the compiler changes nothing. The overloads for
/// double call std:: and serve finite differences. Coefficients: own Remez fits in 40 digits, rounded to float
/// one by one. On a device exp is CUDA's expf (1 ulp) and sigmoid a reciprocal of its unit (together 4 ulp; 0 where
/// x < -87.3): a polynomial would take longer there than the memory that a row program moves (an H200 has time for
/// seven instructions a byte, by its data sheet).

#include <candor/core/bits.hpp>
#include <candor/core/config.hpp>

#include <cmath>
#include <cstdint>

namespace CANDOR_NS::math {

/// a * b + c, rounded once (on a host without FMA: twice).
CANDOR_HD CANDOR_ALWAYS_INLINE float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return ::fmaf(a, b, c);
#elif defined(__FMA__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
CANDOR_HD CANDOR_ALWAYS_INLINE double fma(double a, double b, double c) { return std::fma(a, b, c); }

CANDOR_HD CANDOR_ALWAYS_INLINE float abs(float x) { return bit_cast<float>(bit_cast<std::uint32_t>(x) & 0x7fffffffu); }
CANDOR_HD CANDOR_ALWAYS_INLINE double abs(double x) { return std::fabs(x); }
/// |x| with the sign of s.
CANDOR_HD CANDOR_ALWAYS_INLINE float copysign(float x, float s) {
  return bit_cast<float>((bit_cast<std::uint32_t>(x) & 0x7fffffffu) |
                         (bit_cast<std::uint32_t>(s) & 0x80000000u));
}

namespace detail {

inline constexpr float infinity = __builtin_inff();
inline constexpr float not_a_number = __builtin_nanf("");
inline constexpr float least_normal = 0x1p-126f;
inline constexpr float log2_e = 0x1.715476p+0f;
inline constexpr float ln2_high =
    0x1.63p-1f;  // ln 2 = high + low; n * high is exact for the exponents of floats
inline constexpr float ln2_low = -0x1.bd0106p-13f;

/// `yes` or `no` by masks: of a plain choice g++ makes a branch, moves the polynomial into it and cannot
/// vectorise.
CANDOR_HD CANDOR_ALWAYS_INLINE float choose(bool condition, float yes, float no) {
  const std::uint32_t mask = 0u - static_cast<std::uint32_t>(condition);
  return bit_cast<float>((bit_cast<std::uint32_t>(yes) & mask) | (bit_cast<std::uint32_t>(no) & ~mask));
}

/// 2^n as a float; n in [-126, 127].
CANDOR_HD CANDOR_ALWAYS_INLINE float power_of_two(std::int32_t n) {
  return bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

/// x = n ln 2 + r with |r| <= ln 2 / 2. The sum with 1.5 * 2^23 rounds n to an integer that stands in the low
/// bits.
struct reduced {
  std::int32_t n;
  float r;
};
CANDOR_HD CANDOR_ALWAYS_INLINE reduced reduce_by_ln2(float x) {
  const float shifted = fma(x, log2_e, 0x1.8p+23f);
  const float n = shifted - 0x1.8p+23f;
  const auto i = static_cast<std::int32_t>(bit_cast<std::uint32_t>(shifted) - 0x4b400000u);
  return {i, fma(n, -ln2_low, fma(n, -ln2_high, x))};
}

/// q(r) in expm1(r) = r + r^2 q(r) for |r| <= ln 2 / 2, error 1.6e-8 of the value.
CANDOR_HD CANDOR_ALWAYS_INLINE float expm1_tail(float r) {
  float q = fma(0x1.6ce898p-10f, r, 0x1.122926p-7f);
  q = fma(q, r, 0x1.555536p-5f);
  q = fma(q, r, 0x1.5554aep-3f);
  return fma(q, r, 0.5f);
}

/// log(1 + f) + k ln 2 for 1 + f in [sqrt(1/2), sqrt(2)): f - f^2/2 + f^3 p(f), error 4e-9 of the value.
CANDOR_HD CANDOR_ALWAYS_INLINE float log_polynomial(float f, float k) {
  float p = fma(0x1.c606f4p-6f, f, -0x1.8482c4p-4f);
  p = fma(p, f, 0x1.ffcccp-4f);
  p = fma(p, f, -0x1.068d7cp-3f);
  p = fma(p, f, 0x1.22ade2p-3f);
  p = fma(p, f, -0x1.54da9ap-3f);
  p = fma(p, f, 0x1.99a61ep-3f);
  p = fma(p, f, -0x1.000134p-2f);
  p = fma(p, f, 0x1.555548p-2f);
  const float low = fma(f * f, fma(f, p, -0.5f), k * ln2_low);
  return fma(k, ln2_high, f + low);
}

/// The exponent k and the bits of m for x = 2^k m with m in [sqrt(1/2), sqrt(2)); x normal and positive.
struct split {
  std::int32_t k;
  float m;
};
CANDOR_HD CANDOR_ALWAYS_INLINE split split_at_sqrt_half(float x) {
  const std::uint32_t i = bit_cast<std::uint32_t>(x) - 0x3f3504f3u;
  return {static_cast<std::int32_t>(i) >> 23, bit_cast<float>((i & 0x7fffffu) + 0x3f3504f3u)};
}

}  // namespace detail

CANDOR_HD CANDOR_ALWAYS_INLINE float exp(float x) {
#if defined(__CUDA_ARCH__)
  return ::expf(x);
#else
  float y = detail::choose(x > 89.0f, 89.0f, x);
  y = detail::choose(y < -105.0f, -105.0f, y);
  const auto [n, r] = detail::reduce_by_ln2(y);
  const float sum = 1.0f + r;
  const float p = sum + fma(r * r, detail::expm1_tail(r), r - (sum - 1.0f));
  const std::uint32_t half = static_cast<std::uint32_t>(n >> 1);  // two factors reach subnormals and infinity
  const float a = bit_cast<float>((half + 127u) << 23);
  const float b = bit_cast<float>((static_cast<std::uint32_t>(n) - half + 127u) << 23);
  return p * a * b;
#endif
}
CANDOR_HD CANDOR_ALWAYS_INLINE double exp(double x) { return std::exp(x); }

/// exp(x) - 1, exact near 0.
CANDOR_HD CANDOR_ALWAYS_INLINE float expm1(float x) {
  float y = detail::choose(x > 88.75f, 88.75f, x);
  y = detail::choose(y < -20.0f, -20.0f, y);
  const auto [n, r] = detail::reduce_by_ln2(y);
  const float a = bit_cast<float>((static_cast<std::uint32_t>(n) + 126u) << 23);  // 2^(n-1)
  const float result = 2.0f * fma(a, fma(r * r, detail::expm1_tail(r), r), a - 0.5f);
  return detail::choose(abs(x) < 0x1p-26f, x, result);
}
CANDOR_HD CANDOR_ALWAYS_INLINE double expm1(double x) { return std::expm1(x); }

CANDOR_HD CANDOR_ALWAYS_INLINE float log(float x) {
  const bool tiny = x < detail::least_normal;
  const auto [k, m] = detail::split_at_sqrt_half(detail::choose(tiny, x * 0x1p+23f, x));
  float result = detail::log_polynomial(m - 1.0f, static_cast<float>(k - (tiny ? 23 : 0)));
  result = detail::choose(x < detail::infinity, result, x);  // infinity and NaN stay
  result = detail::choose(x < 0.0f, detail::not_a_number, result);
  return detail::choose(x == 0.0f, -detail::infinity, result);
}
CANDOR_HD CANDOR_ALWAYS_INLINE double log(double x) { return std::log(x); }

/// log(1 + x), exact near 0: the rounding error of 1 + x is carried into the polynomial's argument.
CANDOR_HD CANDOR_ALWAYS_INLINE float log1p(float x) {
  const float u = 1.0f + x;
  const float x_in_u = u - 1.0f;
  const float lost = (1.0f - (u - x_in_u)) + (x - x_in_u);
  const auto [k, m] = detail::split_at_sqrt_half(u);
  const float f = fma(lost, detail::power_of_two(k > 64 ? -64 : -k), m - 1.0f);
  float result = detail::log_polynomial(f, static_cast<float>(k));
  result = detail::choose(x < detail::infinity, result, x);
  result = detail::choose(x < -1.0f, detail::not_a_number, result);
  result = detail::choose(x == -1.0f, -detail::infinity, result);
  return detail::choose(abs(x) < 0x1p-26f, x, result);
}
CANDOR_HD CANDOR_ALWAYS_INLINE double log1p(double x) { return std::log1p(x); }

/// x + x^3 p(x^2) near 0, 1 - 2 / (exp(2 |x|) + 1) beyond.
CANDOR_HD CANDOR_ALWAYS_INLINE float tanh(float x) {
  const float t = abs(x);
  const float s = x * x;
  float p = fma(-0x1.781576p-8f, s, 0x1.52b38cp-6f);
  p = fma(p, s, -0x1.b85502p-5f);
  p = fma(p, s, 0x1.110806p-3f);
  p = fma(p, s, -0x1.555538p-2f);
  const float near_zero = fma(p * s, t, t);
  const float beyond = 1.0f - 2.0f / (exp(2.0f * t) + 1.0f);
  return copysign(detail::choose(t < 0.625f, near_zero, beyond), x);
}
CANDOR_HD CANDOR_ALWAYS_INLINE double tanh(double x) { return std::tanh(x); }

/// 1 / (1 + exp(-x)). What the sum loses by rounding is put back.
CANDOR_HD CANDOR_ALWAYS_INLINE float sigmoid(float x) {
#if defined(__CUDA_ARCH__)
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(1.0f + ::expf(-x)));
  return y;
#else
  const float e = exp(-abs(x));
  const float above = detail::choose(x < 0.0f, e, 1.0f);
  const float sum = 1.0f + e;
  const float lost = e - (sum - 1.0f);
  const float y = above / sum;
  return fma(-y * lost, detail::choose(x < 0.0f, 1.0f - y, y), y);
#endif
}
CANDOR_HD CANDOR_ALWAYS_INLINE double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/// log(1 + exp(x)) in nats.
CANDOR_HD CANDOR_ALWAYS_INLINE float softplus(float x) { return detail::choose(x < 0.0f, 0.0f, x) + log1p(exp(-abs(x))); }
CANDOR_HD CANDOR_ALWAYS_INLINE double softplus(double x) {
  return (x < 0.0 ? 0.0 : x) + std::log1p(std::exp(-std::fabs(x)));
}

/// The error function: x + x p(x^2) near 0, 1 - exp(q(|x|)) with q fitted to log(erfc) beyond.
CANDOR_HD CANDOR_ALWAYS_INLINE float erf(float x) {
  const float t = abs(x);
  const float s = x * x;
  float p = fma(0x1.4e459cp-14f, s, -0x1.a5ba96p-11f);
  p = fma(p, s, 0x1.54426ep-8f);
  p = fma(p, s, -0x1.b80080p-6f);
  p = fma(p, s, 0x1.ce2d60p-4f);
  p = fma(p, s, -0x1.812740p-2f);
  p = fma(p, s, 0x1.06eba8p-3f);
  const float near_zero = fma(x, p, x);
  const float u = detail::choose(t > 4.0f, 4.0f, t);
  float q = fma(-0x1.632dc2p-16f, u, 0x1.c86ea4p-12f);
  q = fma(q, u, -0x1.119ad2p-8f);
  q = fma(q, u, 0x1.9bb6e2p-6f);
  q = fma(q, u, -0x1.bb92e6p-4f);
  q = fma(q, u, -0x1.444468p-1f);
  q = fma(q, u, -0x1.212848p+0f);
  q = fma(q, u, 0x1.70d8c6p-13f);
  const float beyond = copysign(1.0f - exp(q), x);
  return detail::choose(t < 0.925f, near_zero, beyond);
}
CANDOR_HD CANDOR_ALWAYS_INLINE double erf(double x) { return std::erf(x); }

/// 1 / sqrt(x): Newton steps from the bits, the last with the product's rounding error.
CANDOR_HD CANDOR_ALWAYS_INLINE float rsqrt(float x) {
#if !defined(__CUDA_ARCH__) && !defined(__FMA__)
  return 1.0f / __builtin_sqrtf(x);
#else
  const bool tiny = x < detail::least_normal;
  const float v = detail::choose(tiny, x * 0x1p+24f, x);
  const float half_v = 0.5f * v;
  float y = bit_cast<float>(0x5f375a86u - (bit_cast<std::uint32_t>(v) >> 1));
  y = fma(y, fma(-half_v * y, y, 0.5f), y);
  y = fma(y, fma(-half_v * y, y, 0.5f), y);
  y = fma(y, fma(-half_v * y, y, 0.5f), y);
  const float h = half_v * y;
  const float h_lost = fma(half_v, y, -h);
  y = fma(y, fma(-h_lost, y, fma(-h, y, 0.5f)), y);
  y = detail::choose(tiny, y * 0x1p+12f, y);
  y = detail::choose(x < detail::infinity, y, detail::choose(x == detail::infinity, 0.0f, x));
  y = detail::choose(x < 0.0f, detail::not_a_number, y);
  return detail::choose(x == 0.0f, copysign(detail::infinity, x), y);
#endif
}
CANDOR_HD CANDOR_ALWAYS_INLINE double rsqrt(double x) { return 1.0 / std::sqrt(x); }

/// The square root, correctly rounded. Own steps where errno would keep the compiler from vectorising its
/// own.
CANDOR_HD CANDOR_ALWAYS_INLINE float sqrt(float x) {
#if defined(__CUDA_ARCH__)
  return ::sqrtf(x);
#elif defined(__NO_MATH_ERRNO__) || !defined(__FMA__)
  return __builtin_sqrtf(x);
#else
  const bool tiny = x < 0x1p-100f;
  const float v = detail::choose(tiny, x * 0x1p+48f, x);
  const float y = rsqrt(v);
  const float s = v * y;
  float result = fma(fma(-s, s, v), 0.5f * y, s);
  result = detail::choose(tiny, result * 0x1p-24f, result);
  result = detail::choose(x < detail::infinity, result, x);
  return detail::choose(x == 0.0f, x, result);
#endif
}
CANDOR_HD CANDOR_ALWAYS_INLINE double sqrt(double x) { return std::sqrt(x); }

/// Sine and cosine of 2 pi i / 2^32: the whole circle of a random word, no argument reduction.
struct sine_cosine {
  float sine, cosine;
};
CANDOR_HD CANDOR_ALWAYS_INLINE sine_cosine sincos_of_turn(std::uint32_t i) {
  const std::uint32_t quadrant = (i + 0x20000000u) >> 30;
  const float a =
      static_cast<float>(static_cast<std::int32_t>(i - (quadrant << 30))) * 0x1p-32f;  // within 1/8
  const float s = a * a;
  float p = fma(0x1.a02f5p+8f, s, -0x1.61a7cep+6f);
  p = fma(p, s, 0x1.46e0f4p+6f);
  p = fma(p, s, -0x1.4abc8ap+5f);
  p = fma(p, s, 0x1.921fb6p+2f);
  const float sine = a * p;
  float q = fma(0x1.d47d4ap+5f, s, -0x1.55b146p+6f);
  q = fma(q, s, 0x1.03c1aep+6f);
  q = fma(q, s, -0x1.3bd3ccp+4f);
  const float cosine = fma(q, s, 1.0f);
  const bool swapped = (quadrant & 1u) != 0;
  const float x = swapped ? -sine : cosine;
  const float y = swapped ? cosine : sine;
  const bool negated = (quadrant & 2u) != 0;
  return {negated ? -y : y, negated ? -x : x};
}

}  // namespace CANDOR_NS::math
