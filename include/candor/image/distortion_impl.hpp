// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of distortion.hpp: noise, plain colours, and what picks among them. Geometry stands in
/// distortion_places_impl.hpp.

#include <candor/core/error.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/image/distortion.hpp>
#include <candor/image/distortion_places_impl.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace CANDOR_NS {
namespace detail {

/// Calls use(i, e) for i = 0 ... count - 1 with independent standard normals.
template <class Use>
void for_normals(std::uint64_t seed, std::size_t count, const Use& use) {
  constexpr std::size_t blocks = 128, pairs = 2 * blocks;
  const random_stream dice(seed, distortion_stream);
  std::array<std::uint32_t, pairs> a{}, b{};
  std::array<float, 2 * pairs> e{};
  for (std::size_t begin = 0; begin < count; begin += e.size()) {
    for (std::size_t i = 0; i < blocks; ++i) {
      const auto words = dice.at(begin / 4 + i);
      a[i] = words[0], b[i] = words[1], a[blocks + i] = words[2], b[blocks + i] = words[3];
    }
    for (std::size_t i = 0; i < pairs; ++i) {
      const auto two = normals(a[i], b[i]);
      e[i] = two.first, e[pairs + i] = two.second;
    }
    for (std::size_t i = 0; i < std::min(e.size(), count - begin); ++i) use(begin + i, e[i]);
  }
}

/// A value on the scale of bytes as a byte.
CANDOR_INLINE std::uint8_t byte_of(float value, byte_overflow overflow) {
  const auto whole = static_cast<std::int32_t>(value);
  return static_cast<std::uint8_t>(overflow == byte_overflow::wrap ? whole : std::clamp(whole, 0, 255));
}

/// The factors of picture and noise at step k.
struct diffusion_factors {
  float signal, noise;
  explicit diffusion_factors(int step)
      : signal(static_cast<float>(std::sqrt(diffusion_signal(step)))),
        noise(static_cast<float>(std::sqrt(1 - diffusion_signal(step)))) {}
  float operator()(float x, float e) const { return math::fma(signal, x, noise * e); }
};

}  // namespace detail

CANDOR_INLINE double diffusion_signal(int step) {
  require<usage_error>(step >= 0 && step <= 999, "[distortion] diffusion step ", step,
                       "; the schedule has 0 to 999");
  double signal = 1.0;
  for (int j = 0; j <= step; ++j)
    signal *= 1.0 - ((0.005 - 1e-5) / (1.0 + std::exp(6.0 - 12.0 * j / 999)) + 1e-5);
  return signal;
}

CANDOR_INLINE image distort(const image& source, const distortion& how, const image_transform& transform,
                            std::uint64_t seed, const image* other) {
  check(how);
  require<usage_error>(how.kind != distortion_kind::other || other != nullptr,
                       "[distortion] other: the other sample's picture is missing; hand it in");
  if (how.kind == distortion_kind::other) return *other;
  require<usage_error>(source.width > 0 && source.height > 0 &&
                           source.rgb.size() == 3 * static_cast<std::size_t>(source.width) *
                                                    static_cast<std::size_t>(source.height),
                       "[distortion] a picture of ", source.width, " x ", source.height, " pixels with ",
                       source.rgb.size(), " bytes");
  image out = source;
  const auto mean = transform.mean_colour();
  switch (how.kind) {
    case distortion_kind::diffusion: {
      const detail::diffusion_factors mix(how.step);
      detail::for_normals(seed, out.rgb.size(), [&](std::size_t i, float e) {
        out.rgb[i] =
            detail::byte_of(255.0f * mix(static_cast<float>(source.rgb[i]) / 255.0f, e), how.overflow);
      });
      break;
    }
    case distortion_kind::black: std::fill(out.rgb.begin(), out.rgb.end(), std::uint8_t{0}); break;
    case distortion_kind::mean:
      for (std::size_t i = 0; i < out.rgb.size(); ++i) out.rgb[i] = mean[i % 3];
      break;
    case distortion_kind::gaussian:
      detail::for_normals(seed, out.rgb.size(), [&](std::size_t i, float e) {
        const auto middle = static_cast<float>(transform.mean[i % 3] / transform.rescale),
                   spread = static_cast<float>(transform.deviation[i % 3] / transform.rescale);
        out.rgb[i] = detail::byte_of(math::fma(spread, e, middle), how.overflow);
      });
      break;
    default:
      detail::distort_places<std::uint8_t>({source.rgb.data(), source.width, source.height, 3, 1}, how, seed,
                                           mean, {out.rgb.data(), out.width, out.height, 3, 1}, [](float v) {
                                             return detail::byte_of(v + 0.5f, byte_overflow::clamp);
                                           });
  }
  return out;
}

CANDOR_INLINE void distort(std::span<float> planes, const distortion& how, const image_transform& transform,
                           std::uint64_t seed) {
  check(how);
  require<usage_error>(how.kind != distortion_kind::other,
                       "[distortion] other: a tensor cannot be exchanged here; take the other picture's");
  const auto plane = static_cast<std::size_t>(transform.size) * static_cast<std::size_t>(transform.size);
  require<shape_error>(transform.size > 0 && planes.size() == 3 * plane, "[distortion] ", planes.size(),
                       " values; the transform gives (3, ", transform.size, ", ", transform.size, ")");
  switch (how.kind) {
    case distortion_kind::diffusion: {
      const detail::diffusion_factors mix(how.step);
      detail::for_normals(seed, planes.size(),
                          [&](std::size_t i, float e) { planes[i] = mix(planes[i], e); });
      break;
    }
    case distortion_kind::black:
      for (std::size_t i = 0; i < planes.size(); ++i)
        planes[i] = -static_cast<float>(transform.mean[i / plane]) /
                    static_cast<float>(transform.deviation[i / plane]);
      break;
    case distortion_kind::mean: std::fill(planes.begin(), planes.end(), 0.0f); break;
    case distortion_kind::gaussian:
      detail::for_normals(seed, planes.size(), [&](std::size_t i, float e) { planes[i] = e; });
      break;
    default: {
      const std::vector<float> source(planes.begin(), planes.end());  // (3, S, S)
      detail::distort_places<float>({source.data(), transform.size, transform.size, 1, plane}, how, seed, {},
                                    {planes.data(), transform.size, transform.size, 1, plane},
                                    [](float v) { return v; });
    }
  }
}

CANDOR_INLINE std::vector<float> distorted_tensor(const image& source, const distortion& how,
                                                  const image_transform& transform, std::uint64_t seed,
                                                  const image* other) {
  if (how.stage == distortion_stage::raw) return transform(distort(source, how, transform, seed, other));
  const image square = transform.resize(source);
  std::vector<float> tensor(square.rgb.size());  // (3, S, S)
  const bool on_bytes = how.stage == distortion_stage::resized;
  transform.normalise(on_bytes ? distort(square, how, transform, seed) : square, tensor);
  if (!on_bytes) distort(tensor, how, transform, seed);
  return tensor;
}

}  // namespace CANDOR_NS
