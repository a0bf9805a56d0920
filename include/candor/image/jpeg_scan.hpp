// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The marker walk of a JPEG file (ITU-T T.81, annex B): every segment with its bounds, and all that decoders
/// take for granted: table sizes, components, and which tables each scan needs.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

/// One marker segment, or one scan with its entropy-coded data.
struct jpeg_segment {
  int marker = 0;            ///< second byte of the marker: 0xC4 is DHT
  std::size_t offset = 0;    ///< of the marker's 0xFF
  std::size_t begin = 0;     ///< of the payload, after the two length bytes
  std::size_t end = 0;       ///< of the payload
  std::size_t data_end = 0;  ///< of the entropy-coded data that follows a scan header; else `end`
};

struct jpeg_component {
  int id = 0, h = 1, v = 1, quantizer = 0;  ///< identifier, sampling factors, table
};

/// What a scan header (SOS) says.
struct jpeg_scan_header {
  int count = 0;                  ///< components in this scan
  std::array<int, 4> index{};     ///< which of the frame's components
  std::array<int, 4> dc{}, ac{};  ///< Huffman tables
  int first = 0, last = 63;       ///< spectral selection
  int high = 0, low = 0;          ///< successive approximation
};

/// The result of the walk.
struct jpeg_layout {
  image_header header;
  std::vector<jpeg_component> components;
  std::vector<jpeg_segment> segments;  ///< all but SOI and EOI
  int adobe_transform = -1;            ///< of an Adobe APP14 segment: 0 RGB or CMYK, 1 YCbCr, 2 YCCK; -1 none
  bool clean = true;                   ///< no stray bytes between segments
};

/// Walks the whole file; throws input_error at the first thing that is wrong.
jpeg_layout scan_jpeg(std::span<const std::byte> bytes, std::string_view name, const image_limits& limits);

/// Reads a scan header that scan_jpeg has accepted.
jpeg_scan_header read_scan_header(std::span<const std::byte> bytes, const jpeg_segment& segment,
                                  const std::vector<jpeg_component>& components);

/// The same image without stray bytes and without comments, thumbnails and profiles; with `add_adobe`, also
/// an Adobe segment where a four-component image lacks one (CMYK, which is what Pillow assumes then).
std::vector<std::byte> essential_jpeg(std::span<const std::byte> bytes, const jpeg_layout& layout,
                                      bool add_adobe);

}  // namespace CANDOR_NS::detail

#if CANDOR_DEFINES
#include <candor/image/jpeg_scan_impl.hpp>
#endif
