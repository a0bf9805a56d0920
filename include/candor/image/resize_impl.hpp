// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of resize.hpp.

#include <candor/core/error.hpp>
#include <candor/image/resize.hpp>

#include <algorithm>
#include <cmath>

namespace CANDOR_NS {
namespace detail {

inline constexpr int resample_bits =
    32 - 8 - 2;  ///< fractional bits: 8 for the pixel, 2 for overshoot are kept free

/// Keys' cubic with a = -0.5, of support 2, in the order of operations of Pillow.
CANDOR_INLINE double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

CANDOR_INLINE resample_weights bicubic_weights(int in, int out, int begin, int positions) {
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0), support = 2.0 * filter_scale,
               inverse = 1.0 / filter_scale;
  resample_weights result;
  result.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  const auto taps = static_cast<std::size_t>(result.taps);
  result.weights.assign(static_cast<std::size_t>(positions) * taps, 0);
  std::vector<double> exact(taps);
  for (int i = 0; i < positions; ++i) {
    const double centre = (begin + i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int count = std::min(in, static_cast<int>(centre + support + 0.5)) - first;
    double sum = 0.0;
    for (int k = 0; k < count; ++k)
      sum += exact[static_cast<std::size_t>(k)] = cubic((k + first - centre + 0.5) * inverse);
    for (int k = 0; k < count; ++k) {
      double w = exact[static_cast<std::size_t>(k)];
      if (sum != 0.0) w /= sum;
      result.weights[static_cast<std::size_t>(i) * taps + static_cast<std::size_t>(k)] =
          static_cast<std::int32_t>((w < 0 ? -0.5 : 0.5) + w * (1 << resample_bits));
    }
    result.first.push_back(first);
    result.count.push_back(count);
  }
  return result;
}

/// A fixed-point sum, rounding term included, to a byte.
CANDOR_INLINE std::uint8_t resampled_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> resample_bits, 0, 255));
}

/// The horizontal pass over the source's rows [top, top + height); its first column is column `left` of the
/// image that the weights are for.
CANDOR_INLINE image resize_rows(const image& source, int left, int top, int height,
                                const resample_weights& plan) {
  image out = make_image(static_cast<int>(plan.first.size()), height);
  const std::size_t stride = 3 * static_cast<std::size_t>(source.width);
  const std::uint8_t* row = source.rgb.data() + static_cast<std::size_t>(top) * stride;
  std::uint8_t* to = out.rgb.data();
  for (int y = 0; y < height; ++y, row += stride) {
    for (std::size_t x = 0; x < plan.first.size(); ++x, to += 3) {
      const std::int32_t* w = plan.weights.data() + x * static_cast<std::size_t>(plan.taps);
      const std::uint8_t* from = row + 3 * static_cast<std::size_t>(plan.first[x] - left);
      std::int32_t r = 1 << (resample_bits - 1), g = r, b = r;
      for (int k = 0; k < plan.count[x]; ++k, from += 3) {
        r += from[0] * w[k];
        g += from[1] * w[k];
        b += from[2] * w[k];
      }
      to[0] = resampled_byte(r);
      to[1] = resampled_byte(g);
      to[2] = resampled_byte(b);
    }
  }
  return out;
}

/// The vertical pass; `source` begins at row `top` of the image that the weights are for.
CANDOR_INLINE image resize_columns(const image& source, int top, const resample_weights& plan) {
  image out = make_image(source.width, static_cast<int>(plan.first.size()));
  const std::size_t stride = 3 * static_cast<std::size_t>(source.width);
  std::vector<std::int32_t> sums(stride);
  for (std::size_t y = 0; y < plan.first.size(); ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (resample_bits - 1));
    const std::int32_t* w = plan.weights.data() + y * static_cast<std::size_t>(plan.taps);
    for (int k = 0; k < plan.count[y]; ++k) {
      const std::uint8_t* from =
          source.rgb.data() + static_cast<std::size_t>(plan.first[y] - top + k) * stride;
      const std::int32_t weight = w[k];
      for (std::size_t i = 0; i < stride; ++i) sums[i] += from[i] * weight;
    }
    std::transform(sums.begin(), sums.end(), out.rgb.begin() + static_cast<std::ptrdiff_t>(y * stride),
                   resampled_byte);
  }
  return out;
}

/// The part of an image inside the window.
CANDOR_INLINE image crop(const image& source, const image_window& window) {
  image out = make_image(window.width, window.height);
  for (int y = 0; y < window.height; ++y) {
    const auto row = static_cast<std::ptrdiff_t>(source.width) * (window.top + y) + window.left;
    std::copy_n(source.rgb.begin() + 3 * row, 3 * window.width,
                out.rgb.begin() + 3 * static_cast<std::ptrdiff_t>(window.width) * y);
  }
  return out;
}

}  // namespace detail

CANDOR_INLINE image resize_bicubic(const image& source, int width, int height, resize_order order) {
  constexpr int largest = 1 << 20;
  require<usage_error>(width >= 1 && height >= 1 && width <= largest && height <= largest,
                       "[resize_bicubic] a size of ", width, " x ", height, " pixels; 1 to ", largest,
                       " are possible");
  return resize_bicubic(source, width, height, {0, 0, width, height}, order);
}

CANDOR_INLINE image resize_bicubic(const image& source, int width, int height, const image_window& window,
                                   resize_order order) {
  constexpr int largest = 1 << 30;
  require<usage_error>(width >= 1 && height >= 1 && width <= largest && height <= largest,
                       "[resize_bicubic] a size of ", width, " x ", height, " pixels; 1 to ", largest,
                       " are possible");
  require<usage_error>(window.left >= 0 && window.top >= 0 && window.width >= 1 && window.height >= 1 &&
                           window.width <= width - window.left && window.height <= height - window.top,
                       "[resize_bicubic] a window of ", window.width, " x ", window.height, " pixels at (",
                       window.left, ", ", window.top, ") does not lie within ", width, " x ", height,
                       " pixels");
  const auto pixels = static_cast<std::size_t>(std::max(0, source.width)) *
                      static_cast<std::size_t>(std::max(0, source.height));
  require<usage_error>(pixels > 0 && source.rgb.size() == 3 * pixels, "[resize_bicubic] an image of ",
                       source.width, " x ", source.height, " pixels with ", source.rgb.size(), " bytes");
  using detail::bicubic_weights, detail::crop, detail::resize_columns, detail::resize_rows;
  const bool rows = source.width != width, columns = source.height != height;
  if (!rows && !columns) return crop(source, window);
  const auto across = bicubic_weights(source.width, width, window.left, window.width);
  if (!columns) return resize_rows(source, 0, window.top, window.height, across);
  const auto down = bicubic_weights(source.height, height, window.top, window.height);
  const int top = down.first.front(), bottom = down.first.back() + down.count.back();
  if (!rows) return resize_columns(crop(source, {window.left, top, window.width, bottom - top}), top, down);
  const bool vertical_first =
      order == resize_order::pillow_13 && source.height - height > 2 * std::max(0, source.width - width);
  if (!vertical_first) return resize_columns(resize_rows(source, 0, top, bottom - top, across), top, down);
  const int left = across.first.front(), right = across.first.back() + across.count.back();
  return resize_rows(resize_columns(crop(source, {left, top, right - left, bottom - top}), top, down), left,
                     0, window.height, across);
}

}  // namespace CANDOR_NS
