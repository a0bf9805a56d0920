// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The chunk walk of a PNG file (ISO/IEC 15948): bounds, order and check sums of all chunks.

#include <candor/core/config.hpp>
#include <candor/core/crc32.hpp>
#include <candor/image/image.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// The result of the walk.
struct png_layout {
  image_header header;
  int colour_type = 0;                      ///< 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  std::array<std::uint8_t, 768> palette{};  ///< RGB triples; black beyond what the file gives
  std::vector<std::pair<std::size_t, std::size_t>> data;  ///< [begin, end) of the payload of each IDAT
};

/// Walks the whole file; throws input_error at the first thing that is wrong.
png_layout scan_png(std::span<const std::byte> bytes, std::string_view name, const image_limits& limits);

/// The same image with IHDR, PLTE, IDAT and IEND only. Transparency, gamma and profiles change nothing that
/// Pillow's convert("RGB") gives, so decoders need not see them. The palette has 256 entries, as Pillow's.
std::vector<std::byte> essential_png(std::span<const std::byte> bytes, const png_layout& layout);

/// Appends a PNG chunk: length, type, payload and check sum.
template <class Bytes>
void append_png_chunk(Bytes& out, std::string_view type, std::span<const std::byte> payload);

inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1A\n";

template <class Bytes>
void append_png_chunk(Bytes& out, std::string_view type, std::span<const std::byte> payload) {
  using element = typename Bytes::value_type;
  const auto append = [&](std::span<const std::byte> bytes) {
    for (const auto b : bytes) out.push_back(static_cast<element>(b));
  };
  const auto append_number = [&](std::uint32_t n) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<element>((n >> shift) & 0xFFu));
  };
  const auto type_bytes = std::as_bytes(std::span(type.data(), type.size()));
  append_number(static_cast<std::uint32_t>(payload.size()));
  append(type_bytes);
  append(payload);
  append_number(crc32(payload, crc32(type_bytes)));
}

}  // namespace CANDOR_NS::detail

#if CANDOR_DEFINES
#include <candor/image/png_scan_impl.hpp>
#endif
