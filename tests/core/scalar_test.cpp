// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/scalar.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using candor::bfloat16;
using candor::half;

namespace {

template <class T>
T from_bits(std::uint32_t bits) {
  T x;
  x.bits = static_cast<std::uint16_t>(bits);
  return x;
}

/// Every finite value and its upper neighbour: the midpoint goes to the even one, its neighbours to the
/// nearer.
template <class T>
int count_wrong_roundings(std::uint32_t infinity_bits) {
  int wrong = 0;
  for (std::uint32_t sign : {0u, 0x8000u})
    for (std::uint32_t i = 0; i + 1 < infinity_bits; ++i) {
      const float low = from_bits<T>(i | sign), high = from_bits<T>((i + 1) | sign);
      const float middle = low + (high - low) / 2;
      const float toward_low = std::nextafter(middle, low), toward_high = std::nextafter(middle, high);
      wrong += T(middle).bits != (((i & 1u) == 0 ? i : i + 1) | sign);
      wrong += T(toward_low).bits != (i | sign);
      wrong += T(toward_high).bits != ((i + 1) | sign);
    }
  return wrong;
}

template <class T>
int count_broken_round_trips() {
  int broken = 0;
  for (std::uint32_t i = 0; i < 65'536; ++i) {
    const float value = from_bits<T>(i);
    if (std::isnan(value))
      broken += !std::isnan(static_cast<float>(T(value)));
    else
      broken += T(value).bits != i;
  }
  return broken;
}

}  // namespace

TEST_CASE("all 65,536 bfloat16 and half values go to float and back unchanged", "[core][scalar]") {
  CHECK(count_broken_round_trips<bfloat16>() == 0);
  CHECK(count_broken_round_trips<half>() == 0);
}

TEST_CASE("floats round to the nearest bfloat16 and half, ties to even", "[core][scalar]") {
  CHECK(count_wrong_roundings<bfloat16>(0x7f80) == 0);
  CHECK(count_wrong_roundings<half>(0x7c00) == 0);
}

TEST_CASE("overflow becomes infinity and NaN stays NaN", "[core][scalar]") {
  const float most = std::numeric_limits<float>::max(), inf = std::numeric_limits<float>::infinity();
  CHECK(bfloat16(most).bits == 0x7f80);
  CHECK(bfloat16(-inf).bits == 0xff80);
  CHECK(half(65'519.996f).bits == 0x7bff);  // 65504, the largest half
  CHECK(half(65'520.0f).bits == 0x7c00);
  CHECK(half(-most).bits == 0xfc00);
  CHECK(half(1e-10f).bits == 0);
  CHECK(half(-1e-10f).bits == 0x8000);
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    const float nan = std::bit_cast<float>(bits);
    CHECK(std::isnan(static_cast<float>(bfloat16(nan))));
    CHECK(std::isnan(static_cast<float>(half(nan))));
    CHECK((bfloat16(nan).bits >> 15) == (bits >> 31));
  }
}

TEST_CASE("known values have the bits of the standards", "[core][scalar]") {
  CHECK(bfloat16(1.0f).bits == 0x3f80);
  CHECK(bfloat16(3.14159265f).bits == 0x4049);
  CHECK(half(1.0f).bits == 0x3c00);
  CHECK(half(0.333251953125f).bits == 0x3555);
  CHECK(half(0x1p-24f).bits == 0x0001);
  CHECK(half(0x1p-14f).bits == 0x0400);
}

TEST_CASE("element types know their size and their name in safetensors", "[core][scalar]") {
  using candor::dtype;
  CHECK(size_of(dtype::f64) == 8);
  CHECK(size_of(dtype::f32) == 4);
  CHECK(size_of(dtype::bf16) == 2);
  CHECK(size_of(dtype::boolean) == 1);
  CHECK(name_of(dtype::bf16) == "BF16");
  CHECK(name_of(dtype::boolean) == "BOOL");
  CHECK(candor::dtype_v<half> == dtype::f16);
}
