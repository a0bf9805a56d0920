// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Plain types of the image room: pixels in memory, what a file's header says, and what a file may ask for.

#include <candor/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace CANDOR_NS {

/// An image in memory: rows from top to bottom, pixels as R, G, B bytes.
struct image {
  int width = 0, height = 0;      ///< pixels
  std::vector<std::uint8_t> rgb;  // (height, width, 3)

  friend bool operator==(const image&, const image&) = default;
};

/// What a file may ask for at most. The defaults hold any photograph and stop decompression bombs.
struct image_limits {
  std::uint64_t max_bytes = std::uint64_t{64} << 20;  ///< of the compressed file
  std::int64_t max_pixels = 40'000'000;               ///< width times height
  int max_side = 16'384;                              ///< pixels
  int max_scans = 100;                                ///< of a progressive JPEG; encoders write 10 or fewer
};

enum class image_format : std::uint8_t { jpeg, png };

/// What the scan found out about an image.
struct image_header {
  image_format format = image_format::jpeg;
  int width = 0, height = 0;  ///< pixels; no EXIF rotation is applied anywhere
  int components = 0;         ///< samples a pixel as stored: 1 grey or palette, 2 grey + alpha, 3, 4
  int bit_depth = 8;          ///< bits a sample
  bool progressive = false;   ///< several passes: progressive JPEG, interlaced PNG
};

namespace detail {

/// Space for the pixels of an image of this size.
inline image make_image(int width, int height) {
  const auto size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  return {width, height, std::vector<std::uint8_t>(size)};
}

}  // namespace detail

}  // namespace CANDOR_NS
