// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of png_scan.hpp.

#include <candor/core/error.hpp>
#include <candor/image/header_scan.hpp>
#include <candor/image/png_scan.hpp>

#include <algorithm>

namespace CANDOR_NS::detail {

CANDOR_INLINE std::uint32_t png_number(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<std::uint32_t>(bytes[at + i]);
  return n;
}

/// Reads and checks IHDR, whose 13 payload bytes start at `at`.
CANDOR_INLINE void read_png_header(std::span<const std::byte> bytes, std::size_t at, std::string_view name,
                                   const image_limits& limits, png_layout& layout) {
  const std::uint32_t width = png_number(bytes, at), height = png_number(bytes, at + 4);
  require_image_size(width, height, at, name, limits);
  const int depth = static_cast<int>(bytes[at + 8]), colour = static_cast<int>(bytes[at + 9]);
  const bool depth_fits = colour == 0 ? depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16
                          : colour == 3
                              ? depth == 1 || depth == 2 || depth == 4 || depth == 8
                              : (colour == 2 || colour == 4 || colour == 6) && (depth == 8 || depth == 16);
  require<input_error>(depth_fits, name, ": byte ", at + 8, ": PNG has no colour type ", colour, " with ",
                       depth, " bits a sample; the file is damaged");
  const int compression = static_cast<int>(bytes[at + 10]), filter = static_cast<int>(bytes[at + 11]),
            interlace = static_cast<int>(bytes[at + 12]);
  require<input_error>(compression == 0 && filter == 0 && interlace <= 1, name, ": byte ", at + 10,
                       ": compression method ", compression, ", filter method ", filter,
                       ", interlace method ", interlace, "; PNG has 0, 0 and 0 or 1; the file is damaged");
  constexpr int samples[] = {1, 0, 3, 1, 2, 0, 4};
  layout.colour_type = colour;
  layout.header = {
      image_format::png, static_cast<int>(width), static_cast<int>(height), samples[colour], depth,
      interlace == 1};
}

CANDOR_INLINE png_layout scan_png(std::span<const std::byte> bytes, std::string_view name,
                                  const image_limits& limits) {
  png_layout layout;
  bool palette = false, data_ended = false;
  for (std::size_t at = png_signature.size(), number = 0;; ++number) {
    require<input_error>(bytes.size() - at >= 12, name, ": byte ", at, ": the PNG file ends here, after ",
                         number, " chunks, without its end chunk (IEND); it is cut off, fetch it again");
    const std::uint32_t length = png_number(bytes, at);
    const std::string_view type(reinterpret_cast<const char*>(bytes.data()) + at + 4, 4);
    const bool letters = std::all_of(type.begin(), type.end(),
                                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); });
    require<input_error>(letters, name, ": byte ", at + 4, ": no PNG chunk name here; the file is damaged");
    require<input_error>(length <= bytes.size() - at - 12, name, ": byte ", at, ": chunk ", type, " claims ",
                         length, " bytes, only ", bytes.size() - at - 12,
                         " are left; the file is cut off, fetch it again");
    const auto payload = bytes.subspan(at + 8, length);
    require<input_error>(crc32(bytes.subspan(at + 4, length + 4)) == png_number(bytes, at + 8 + length), name,
                         ": byte ", at, ": the check sum of chunk ", type, " is wrong; the file is damaged");
    if (number == 0) {
      require<input_error>(type == "IHDR" && length == 13, name, ": byte ", at, ": the first chunk is ", type,
                           " with ", length, " bytes, PNG begins with IHDR with 13",
                           type == "CgBI" ? " (this is Apple's variant of PNG; convert it)" : "");
      read_png_header(bytes, at + 8, name, limits, layout);
    } else if (type == "PLTE") {
      require<input_error>(
          !palette && layout.data.empty() && layout.colour_type != 0 && layout.colour_type != 4, name,
          ": byte ", at, ": a palette (PLTE) is not allowed here; the file is damaged");
      require<input_error>(length >= 3 && length <= 768 && length % 3 == 0, name, ": byte ", at,
                           ": a palette of ", length, " bytes; 1 to 256 colours of 3 bytes each are allowed");
      palette = true;
      std::transform(payload.begin(), payload.end(), layout.palette.begin(),
                     [](std::byte b) { return static_cast<std::uint8_t>(b); });
    } else if (type == "IDAT") {
      require<input_error>(!data_ended, name, ": byte ", at,
                           ": pixel data (IDAT) goes on after another chunk; ", "the file is damaged");
      require<input_error>(
          palette || layout.colour_type != 3, name, ": byte ", at,
          ": a palette image has no palette (PLTE) before its pixel data; the file is damaged");
      layout.data.emplace_back(at + 8, at + 8 + length);
    } else if (type == "IEND") {
      require<input_error>(length == 0 && !layout.data.empty(), name, ": byte ", at,
                           layout.data.empty() ? ": the PNG file holds no pixel data (IDAT)"
                                               : ": the end chunk (IEND) is not empty; the file is damaged");
      return layout;
    } else {
      require<input_error>((type[0] & 0x20) != 0, name, ": byte ", at, ": ",
                           type == "IHDR"
                               ? "a second header (IHDR); the file is damaged"
                               : text("chunk ", type, " is needed to read this PNG and is not known"));
    }
    data_ended = !layout.data.empty() && type != "IDAT";
    at += std::size_t{length} + 12;
  }
}

CANDOR_INLINE std::vector<std::byte> essential_png(std::span<const std::byte> bytes,
                                                   const png_layout& layout) {
  std::vector<std::byte> out;
  out.reserve(bytes.size() + 1024);
  const auto signature = std::as_bytes(std::span(png_signature.data(), png_signature.size()));
  out.assign(signature.begin(), signature.end());
  append_png_chunk(out, "IHDR", bytes.subspan(png_signature.size() + 8, 13));
  if (layout.colour_type == 3) append_png_chunk(out, "PLTE", std::as_bytes(std::span(layout.palette)));
  for (const auto& [begin, end] : layout.data)
    append_png_chunk(out, "IDAT", bytes.subspan(begin, end - begin));
  append_png_chunk(out, "IEND", {});
  return out;
}

}  // namespace CANDOR_NS::detail
