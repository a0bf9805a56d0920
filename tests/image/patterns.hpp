// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Test pictures by formula; golden/patterns.py draws the same.

#include <candor/image/decode.hpp>

#include <cstdint>
#include <string_view>

namespace candor_test {

inline candor::image pattern(std::string_view kind, int width, int height) {
  const auto w = std::uint64_t(width), count = w * std::uint64_t(height) * 3;
  candor::image out{width, height, std::vector<std::uint8_t>(count)};
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t h = (i * 2654435761u + w * 31 + std::uint64_t(height)) & 0xFFFFFFFFu;
    h = ((h ^ (h >> 15)) * 2246822519u) & 0xFFFFFFFFu;
    h ^= h >> 13;
    const std::uint64_t pixel = i / 3, channel = i % 3;
    const std::uint64_t smooth = pixel % w * 3 + pixel / w * (2 + channel) + channel * 80;
    out.rgb[i] = std::uint8_t(kind == "noise" ? h & 255 : kind == "extremes" ? (h & 1) * 255 : smooth & 255);
  }
  return out;
}

}  // namespace candor_test
