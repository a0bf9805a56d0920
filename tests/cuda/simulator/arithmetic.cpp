// SPDX-License-Identifier: Apache-2.0
// Numbers: every operation rounds as PTX says for the one name under which it stands here.
#include "cuda/simulator/operations.hpp"

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>

namespace simulator {
namespace {

/// visit(name, comparison) for each comparison of setp.
template <class T, class Visit>
void for_comparisons(Visit&& visit) {
  visit("eq", std::equal_to<T>());
  visit("ne", std::not_equal_to<T>());
  visit("lt", std::less<T>());
  visit("le", std::less_equal<T>());
  visit("gt", std::greater<T>());
  visit("ge", std::greater_equal<T>());
}

// Overflow wraps around, as it does on the device.
template <class T, class U = std::make_unsigned_t<T>>
void add_integers(vocabulary& v, const std::string& type) {
  v["add." + type] =
      computes<T, T, T>([](T a, T b) { return static_cast<T>(static_cast<U>(a) + static_cast<U>(b)); });
  v["sub." + type] =
      computes<T, T, T>([](T a, T b) { return static_cast<T>(static_cast<U>(a) - static_cast<U>(b)); });
  v["mul.lo." + type] = computes<T, T, T>(
      [](T a, T b) { return static_cast<T>(std::uint64_t{static_cast<U>(a)} * static_cast<U>(b)); });
  v["mad.lo." + type] = computes<T, T, T, T>([](T a, T b, T c) {
    return static_cast<T>(std::uint64_t{static_cast<U>(a)} * static_cast<U>(b) + static_cast<U>(c));
  });
  if constexpr (sizeof(T) < 8) {
    using sixty_four = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    using twice = std::conditional_t<sizeof(T) == 4, sixty_four,
                                     std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>>;
    v["mul.hi." + type] =
        computes<T, T, T>([](T a, T b) { return static_cast<T>((sixty_four{a} * b) >> (8 * sizeof(T))); });
    v["mul.wide." + type] =
        computes<twice, T, T>([](T a, T b) { return static_cast<twice>(sixty_four{a} * b); });
  }
  v["div." + type] = computes<T, T, T>([](T a, T b) {
    if (b == 0) throw device_fault("a division by zero");
    if (b == static_cast<T>(-1) && std::is_signed_v<T>) return static_cast<T>(U{0} - static_cast<U>(a));
    return static_cast<T>(a / b);
  });
  v["rem." + type] = computes<T, T, T>([](T a, T b) {
    if (b == 0) throw device_fault("a remainder of a division by zero");
    if (b == static_cast<T>(-1) && std::is_signed_v<T>) return T{0};
    return static_cast<T>(a % b);
  });
  v["min." + type] = computes<T, T, T>([](T a, T b) { return std::min(a, b); });
  v["max." + type] = computes<T, T, T>([](T a, T b) { return std::max(a, b); });
  v["shr." + type] = computes<T, T, std::uint32_t>([](T a, std::uint32_t n) {
    constexpr std::uint32_t last = 8 * sizeof(T) - 1;
    if (n > last) return std::is_signed_v<T> ? static_cast<T>(a >> last) : T{0};
    return static_cast<T>(a >> n);
  });
  if constexpr (std::is_signed_v<T>) {
    v["neg." + type] = computes<T, T>([](T a) { return static_cast<T>(U{0} - static_cast<U>(a)); });
    v["abs." + type] =
        computes<T, T>([](T a) { return a < 0 ? static_cast<T>(U{0} - static_cast<U>(a)) : a; });
  }
  const auto compare = [&]<class F>(const std::string& how, F) {
    v["setp." + how + "." + type] = computes<slot, T, T>([](T a, T b) { return slot{F{}(a, b)}; });
  };
  for_comparisons<T>(compare);
}

template <class T>
void add_bits(vocabulary& v, const std::string& width) {
  const std::string type = ".b" + width;
  v["and" + type] = computes<T, T, T>([](T a, T b) { return static_cast<T>(a & b); });
  v["or" + type] = computes<T, T, T>([](T a, T b) { return static_cast<T>(a | b); });
  v["xor" + type] = computes<T, T, T>([](T a, T b) { return static_cast<T>(a ^ b); });
  v["not" + type] = computes<T, T>([](T a) { return static_cast<T>(~a); });
  v["shl" + type] = computes<T, T, std::uint32_t>(
      [](T a, std::uint32_t n) { return n >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << n); });
  v["setp.eq" + type] = computes<slot, T, T>([](T a, T b) { return slot{a == b}; });
  v["setp.ne" + type] = computes<slot, T, T>([](T a, T b) { return slot{a != b}; });
  for (const char* kind : {"b", "u", "s", "f"})
    v["selp." + (kind + width)] = computes<T, T, T, slot>([](T a, T b, slot p) { return p != 0 ? a : b; });
}

template <class T>
void add_floats(vocabulary& v, const std::string& type) {
  const auto both_ways = [&](const std::string& name, const meaning& m) {
    v[name + "." + type] = v[name + ".rn." + type] = m;
  };
  both_ways("add", computes<T, T, T>([](T a, T b) { return a + b; }));
  both_ways("sub", computes<T, T, T>([](T a, T b) { return a - b; }));
  both_ways("mul", computes<T, T, T>([](T a, T b) { return a * b; }));
  v["div.rn." + type] = computes<T, T, T>([](T a, T b) { return a / b; });
  v["fma.rn." + type] = computes<T, T, T, T>([](T a, T b, T c) { return std::fma(a, b, c); });
  v["rcp.rn." + type] = computes<T, T>([](T a) { return T{1} / a; });
  v["sqrt.rn." + type] = computes<T, T>([](T a) { return std::sqrt(a); });
  v["abs." + type] = computes<T, T>([](T a) { return std::fabs(a); });
  v["neg." + type] = computes<T, T>([](T a) { return -a; });
  v["min." + type] =
      computes<T, T, T>([](T a, T b) { return a == b ? (std::signbit(a) ? a : b) : std::fmin(a, b); });
  v["max." + type] =
      computes<T, T, T>([](T a, T b) { return a == b ? (std::signbit(a) ? b : a) : std::fmax(a, b); });
  v["copysign." + type] = computes<T, T, T>([](T sign, T size) { return std::copysign(size, sign); });
  const auto compare = [&]<class F>(const std::string& how,
                                    F) {  // false where one is no number; with a u: true
    v["setp." + how + "." + type] =
        computes<slot, T, T>([](T a, T b) { return slot{!std::isunordered(a, b) && F{}(a, b)}; });
    v["setp." + how + "u." + type] =
        computes<slot, T, T>([](T a, T b) { return slot{std::isunordered(a, b) || F{}(a, b)}; });
  };
  for_comparisons<T>(compare);
}

/// a b + c, rounded down.
float fma_down(float a, float b, float c) {
  volatile float factor = a;  // read between the two calls
  std::fesetround(FE_DOWNWARD);
  volatile float sum = std::fma(factor, b, c);
  std::fesetround(FE_TONEAREST);
  return sum;
}

/// Off by an ulp, as an approximate unit may be: which way hangs on the number.
float nearly(float x) {
  if (!std::isnormal(x)) return x;
  return std::nextafter(x, std::bit_cast<std::uint32_t>(x) % 3 == 0 ? 2 * x : 0.0f);
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }

std::uint32_t permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
  std::uint32_t out = 0;
  for (int n = 0; n < 4; ++n) {
    const std::uint32_t wish = selector >> (4 * n) & 15u;
    std::uint32_t byte = static_cast<std::uint32_t>(bytes >> (8 * (wish & 7u))) & 0xffu;
    if ((wish & 8u) != 0) byte = (byte & 0x80u) != 0 ? 0xffu : 0;  // its sign alone
    out |= byte << (8 * n);
  }
  return out;
}

std::uint32_t insert_field(std::uint32_t field, std::uint32_t into, std::uint32_t position,
                           std::uint32_t length) {
  std::uint32_t out = into;
  for (std::uint32_t n = 0, p = position & 0xffu; n < (length & 0xffu) && p < 32; ++n, ++p)
    out = (out & ~(1u << p)) | ((field >> n & 1u) << p);
  return out;
}

}  // namespace

void add_arithmetic(vocabulary& v) {
  add_integers<std::int16_t>(v, "s16");
  add_integers<std::uint16_t>(v, "u16");
  add_integers<std::int32_t>(v, "s32");
  add_integers<std::uint32_t>(v, "u32");
  add_integers<std::int64_t>(v, "s64");
  add_integers<std::uint64_t>(v, "u64");
  add_bits<std::uint16_t>(v, "16");
  add_bits<std::uint32_t>(v, "32");
  add_bits<std::uint64_t>(v, "64");
  add_floats<float>(v, "f32");
  add_floats<double>(v, "f64");
  v["and.pred"] = computes<slot, slot, slot>([](slot a, slot b) { return a & b; });
  v["or.pred"] = computes<slot, slot, slot>([](slot a, slot b) { return a | b; });
  v["xor.pred"] = computes<slot, slot, slot>([](slot a, slot b) { return a ^ b; });
  v["not.pred"] = computes<slot, slot>([](slot a) { return a ^ 1u; });
  v["prmt.b32"] = computes<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
      [](std::uint32_t a, std::uint32_t b, std::uint32_t c) { return permute(a, b, c); });
  v["bfi.b32"] = computes<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
      [](std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
        return insert_field(a, b, c, d);
      });
  v["ex2.approx.ftz.f32"] =
      computes<float, float>([](float x) { return flushed(nearly(std::exp2(flushed(x)))); });
  v["rcp.approx.ftz.f32"] =
      computes<float, float>([](float x) { return flushed(nearly(1.0f / flushed(x))); });
  v["fma.rm.f32"] =
      computes<float, float, float, float>([](float a, float b, float c) { return fma_down(a, b, c); });
  // The upper half of the bits in, the upper half out; what uses it corrects it.
  v["rcp.approx.ftz.f64"] = computes<double, double>([](double x) {
    const auto upper = [](double y) {
      return std::bit_cast<double>(std::bit_cast<slot>(y) & ~slot{0xffffffff});
    };
    return upper(1.0 / upper(x));
  });
}

}  // namespace simulator
