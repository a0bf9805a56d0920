// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bicubic resampling with the bytes of Pillow's `Image.resize(size, BICUBIC)`: the filter with a = -0.5,
/// widened by the scale when shrinking (antialiasing), weights in 22-bit fixed point, a pass a direction with
/// 8 bits between them. No library gives these bytes; vision towers were trained on them.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>

#include <cstdint>
#include <vector>

namespace CANDOR_NS {

/// Which pass comes first; some bytes differ by a level or two. Pillow before 13 takes the horizontal one.
/// Since 13 the vertical one is first where it removes more than twice as many rows as the other removes
/// columns: tall images, and wide ones that are squashed or enlarged.
enum class resize_order : std::uint8_t { pillow_13, pillow_12 };

/// Scales to `width` x `height` pixels. Follows `ImagingResample` of Pillow's Resample.c: a pass whose size
/// does not change is left out. usage_error for a size below 1 or above 2^20, and for an image that holds no
/// pixels.
image resize_bicubic(const image& source, int width, int height,
                     resize_order order = resize_order::pillow_13);

/// A rectangle of pixels.
struct image_window {
  int left = 0, top = 0, width = 0, height = 0;
};

/// The same, but only this window of the result is computed: what a centre crop keeps. The size may then be
/// up to 2^30 a side, which keeps long thin images cheap.
image resize_bicubic(const image& source, int width, int height, const image_window& window,
                     resize_order order = resize_order::pillow_13);

namespace detail {

/// What output positions take from the input along one axis.
struct resample_weights {
  int taps = 0;                       ///< weights an output position
  std::vector<int> first, count;      // (positions): the input range
  std::vector<std::int32_t> weights;  // (positions, taps), fixed point with 22 fractional bits
};

/// Weights of the output positions [begin, begin + positions) for scaling `in` pixels to `out`.
resample_weights bicubic_weights(int in, int out, int begin, int positions);

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/resize_impl.hpp>
#endif
