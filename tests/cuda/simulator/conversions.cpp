// SPDX-License-Identifier: Apache-2.0
// Moves and conversions.
#include "cuda/simulator/operations.hpp"

#include <bit>
#include <cmath>

namespace simulator {
namespace {

template <class To, class From>
void add_integer_pair(vocabulary& v, const std::string& to, const std::string& from) {
  v["cvt." + to + "." + from] = computes<To, From>([](From a) { return static_cast<To>(a); });
}
template <class To>
void add_to_integer(vocabulary& v, const std::string& to) {
  add_integer_pair<To, std::int8_t>(v, to, "s8");
  add_integer_pair<To, std::uint8_t>(v, to, "u8");
  add_integer_pair<To, std::int16_t>(v, to, "s16");
  add_integer_pair<To, std::uint16_t>(v, to, "u16");
  add_integer_pair<To, std::int32_t>(v, to, "s32");
  add_integer_pair<To, std::uint32_t>(v, to, "u32");
  add_integer_pair<To, std::int64_t>(v, to, "s64");
  add_integer_pair<To, std::uint64_t>(v, to, "u64");
  v["cvt.rn.f32." + to] = computes<float, To>([](To a) { return static_cast<float>(a); });
  v["cvt.rn.f64." + to] = computes<double, To>([](To a) { return static_cast<double>(a); });
}

template <class T>
void add_moves(vocabulary& v, const std::string& width) {
  for (const char* kind : {"b", "u", "s", "f"})
    v["mov." + (kind + width)] = computes<T, T>([](T a) { return a; });
}

/// Round to nearest, ties to even; NaN becomes the one that the device writes.
std::uint16_t bfloat16_bits(float x) {
  if (std::isnan(x)) return 0x7fff;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// mov {low, high}, x and mov x, {low, high}.
template <class Half, class Whole>
void part(thread& t, const instruction& i) {
  const auto whole = get<Whole>(t, i, 2);
  put<Half>(t, i, 0, static_cast<Half>(whole));
  put<Half>(t, i, 1, static_cast<Half>(whole >> (8 * sizeof(Half))));
}
template <class Half, class Whole>
void join(thread& t, const instruction& i) {
  put<Whole>(t, i, 0,
             static_cast<Whole>(Whole{get<Half>(t, i, 2)} << (8 * sizeof(Half)) | get<Half>(t, i, 1)));
}

}  // namespace

void add_conversions(vocabulary& v) {
  add_to_integer<std::int16_t>(v, "s16");
  add_to_integer<std::uint16_t>(v, "u16");
  add_to_integer<std::int32_t>(v, "s32");
  add_to_integer<std::uint32_t>(v, "u32");
  add_to_integer<std::int64_t>(v, "s64");
  add_to_integer<std::uint64_t>(v, "u64");
  add_moves<std::uint16_t>(v, "16");
  add_moves<std::uint32_t>(v, "32");
  add_moves<std::uint64_t>(v, "64");
  v["mov.pred"] = v["cvta.to.global.u64"] = v["cvta.local.u64"] =
      computes<slot, slot>([](slot a) { return a; });
  v["mov.b64 part"] = {.run = part<std::uint32_t, std::uint64_t>, .operands = 2};
  v["mov.b64 join"] = {.run = join<std::uint32_t, std::uint64_t>, .operands = 2};
  v["mov.b32 part"] = {.run = part<std::uint16_t, std::uint32_t>, .operands = 2};
  v["mov.b32 join"] = {.run = join<std::uint16_t, std::uint32_t>, .operands = 2};
  v["cvt.f64.f32"] = computes<double, float>([](float a) { return static_cast<double>(a); });
  v["cvt.rn.f32.f64"] = computes<float, double>([](double a) { return static_cast<float>(a); });
  v["cvt.sat.f32.f32"] = computes<float, float>(
      [](float a) { return std::isnan(a) ? 0.0f : std::fmin(std::fmax(a, 0.0f), 1.0f); });
  v["cvt.rn.bf16.f32"] = computes<std::uint16_t, float>([](float a) { return bfloat16_bits(a); });
  v["cvt.rni.f32.f32"] = computes<float, float>([](float a) { return std::nearbyint(a); });
  v["cvt.rn.bf16x2.f32"] = computes<std::uint32_t, float, float>(
      [](float high, float low) { return std::uint32_t{bfloat16_bits(high)} << 16 | bfloat16_bits(low); });
}

}  // namespace simulator
