// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Distortions that move pixels or cover them. Bytes and tensors go through the same functions, which see
/// either as a raster.

#include <candor/core/error.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/image/distortion.hpp>
#include <candor/image/resize.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace CANDOR_NS::detail {

inline constexpr std::uint64_t distortion_stream = 0x6469'7374;  ///< of the seed

/// Values of three channels with their distances: bytes (H, W, 3) or planes (3, S, S).
template <class T>
struct raster {
  T* first;
  int width, height;
  std::size_t pixel, channel;  ///< from a pixel to the next of the row, from a channel to the next

  T* at(int x, int y) const {
    return first +
           (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
               pixel;
  }
  void set(int x, int y, const std::array<T, 3>& colour) const {
    T* to = at(x, y);
    for (std::size_t c = 0; c < 3; ++c) to[c * channel] = colour[c];
  }
};

/// The window of torchvision's RandomResizedCrop.get_params with ratios of 3/4 to 4/3, its way out included:
/// after ten windows that do not fit, the largest middle one whose ratio is allowed.
inline image_window random_window(int width, int height, const distortion& how, random_stream& dice) {
  constexpr double widest = 4.0 / 3, log_widest = 0.28768207245178085;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = (how.min_area + (how.max_area - how.min_area) * dice.uniform()) * width * height;
    const double ratio =
        static_cast<double>(math::exp(static_cast<float>(log_widest * (2 * dice.uniform() - 1))));
    const double w = std::nearbyint(std::sqrt(area * ratio)), h = std::nearbyint(std::sqrt(area / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const int across = static_cast<int>(w), down = static_cast<int>(h);
    const auto top = static_cast<int>(dice.below(static_cast<std::uint64_t>(height - down + 1)));
    const auto left = static_cast<int>(dice.below(static_cast<std::uint64_t>(width - across + 1)));
    return {left, top, across, down};
  }
  const double ratio = static_cast<double>(width) / height;
  const int across = ratio > widest ? static_cast<int>(std::nearbyint(height * widest)) : width;
  const int down = ratio < 1 / widest ? static_cast<int>(std::nearbyint(width * widest)) : height;
  return {(width - across) / 2, (height - down) / 2, across, down};
}

/// Where a position of the enlarged picture lies in the window: PyTorch's bilinear, align_corners off.
struct bilinear_tap {
  int first, second;
  float weight;  ///< of the second
  bilinear_tap(int position, int from, int to) {
    const float at = std::max(
        0.0f,
        (static_cast<float>(position) + 0.5f) * (static_cast<float>(from) / static_cast<float>(to)) - 0.5f);
    first = std::min(static_cast<int>(at), from - 1);
    second = std::min(first + 1, from - 1);
    weight = at - static_cast<float>(first);
  }
};

/// The window of `source`, scaled to all of `out`; `value` turns a mean into a value of the raster.
template <class T, class Value>
void enlarge(const raster<const T>& source, const image_window& window, const raster<T>& out,
             const Value& value) {
  std::vector<bilinear_tap> columns;
  for (int x = 0; x < out.width; ++x) columns.emplace_back(x, window.width, out.width);
  const auto mix = [](float a, float b, float weight) { return math::fma(weight, b - a, a); };
  for (int y = 0; y < out.height; ++y) {
    const bilinear_tap row(y, window.height, out.height);
    const T* above = source.at(window.left, window.top + row.first);
    const T* below = source.at(window.left, window.top + row.second);
    for (int x = 0; x < out.width; ++x) {
      const auto& column = columns[static_cast<std::size_t>(x)];
      const std::size_t left = static_cast<std::size_t>(column.first) * source.pixel,
                        right = static_cast<std::size_t>(column.second) * source.pixel;
      T* to = out.at(x, y);
      for (std::size_t c = 0, i = 0; c < 3; ++c, i += source.channel) {
        const float upper =
            mix(static_cast<float>(above[left + i]), static_cast<float>(above[right + i]), column.weight);
        const float lower =
            mix(static_cast<float>(below[left + i]), static_cast<float>(below[right + i]), column.weight);
        to[c * out.channel] = value(mix(upper, lower, row.weight));
      }
    }
  }
}

/// Counter-clockwise by this part of 2^32 of a turn; the nearest pixel, or the colour.
template <class T>
void rotate(const raster<const T>& source, std::uint32_t turn, const std::array<T, 3>& colour,
            const raster<T>& out) {
  const auto angle = math::sincos_of_turn(turn);
  const float middle_x = 0.5f * static_cast<float>(out.width - 1),
              middle_y = 0.5f * static_cast<float>(out.height - 1);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const float dx = static_cast<float>(x) - middle_x, dy = static_cast<float>(y) - middle_y;
      const auto from_x =
          static_cast<int>(std::floor(math::fma(dx, angle.cosine, -dy * angle.sine) + middle_x + 0.5f));
      const auto from_y =
          static_cast<int>(std::floor(math::fma(dx, angle.sine, dy * angle.cosine) + middle_y + 0.5f));
      if (from_x < 0 || from_y < 0 || from_x >= out.width || from_y >= out.height) {
        out.set(x, y, colour);
        continue;
      }
      const T* from = source.at(from_x, from_y);
      out.set(x, y, {from[0], from[source.channel], from[2 * source.channel]});
    }
}

/// An angle of the range as a part of 2^32 of a turn.
inline std::uint32_t random_turn(const distortion& how, random_stream& dice) {
  const double degrees = how.min_degrees + (how.max_degrees - how.min_degrees) * dice.uniform();
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(std::floor(degrees / 360 * 0x1p32)));
}

/// Fills round(share * blocks) of the blocks of this side, all choices equally likely (Knuth's algorithm S).
template <class T>
void mask(const raster<T>& out, double share, int side, const std::array<T, 3>& colour, random_stream& dice) {
  const std::int64_t across = (out.width + side - 1) / side, down = (out.height + side - 1) / side;
  std::int64_t left = across * down, wanted = std::llround(share * static_cast<double>(left));
  for (std::int64_t block = 0; left > 0 && wanted > 0; ++block, --left) {
    if (dice.uniform() * static_cast<double>(left) >= static_cast<double>(wanted)) continue;
    --wanted;
    const auto from_x = static_cast<int>(block % across) * side,
               from_y = static_cast<int>(block / across) * side;
    for (int y = from_y; y < std::min(from_y + side, out.height); ++y)
      for (int x = from_x; x < std::min(from_x + side, out.width); ++x) out.set(x, y, colour);
  }
}

/// Crop, rotation and masks, in place. `source` is a copy of what `out` holds.
template <class T, class Value>
void distort_places(const raster<const T>& source, const distortion& how, std::uint64_t seed,
                    const std::array<T, 3>& mean, const raster<T>& out, const Value& value) {
  random_stream dice(seed, distortion_stream);
  if (how.kind == distortion_kind::crop)
    enlarge(source, random_window(out.width, out.height, how, dice), out, value);
  else if (how.kind == distortion_kind::rotation)
    rotate(source, random_turn(how, dice), mean, out);
  else
    mask(out, how.share, how.kind == distortion_kind::pixel_mask ? 1 : how.block, mean, dice);
}

}  // namespace CANDOR_NS::detail
