// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of write_png.hpp. The uncompressed form: a zlib stream (RFC 1950) of stored deflate blocks (RFC
/// 1951).

#include <candor/core/error.hpp>
#include <candor/image/png_scan.hpp>
#include <candor/image/write_png.hpp>
#include <candor/io/atomic_file.hpp>

#include <algorithm>
#include <cstdint>

#if CANDOR_HAS_PNG
#include <png.h>
#endif

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE void append_big_endian(std::string& out, std::uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((n >> shift) & 0xFFu));
}

/// A zlib stream of stored blocks.
CANDOR_INLINE std::string store_zlib(std::string_view data) {
  std::string out = "\x78\x01";  // deflate, window of 32 KiB, no preset dictionary
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t size = std::min<std::size_t>(data.size() - at, 65'535);
    out.push_back(at + size == data.size() ? '\1' : '\0');  // last block, stored
    for (const std::size_t n : {size, ~size})
      for (int shift = 0; shift < 16; shift += 8) out.push_back(static_cast<char>((n >> shift) & 0xFFu));
    out.append(data.substr(at, size));
    at += size;
  }
  std::uint32_t a = 1, b = 0;  // Adler-32
  for (const char c : data) {
    a = (a + static_cast<unsigned char>(c)) % 65'521;
    b = (b + a) % 65'521;
  }
  append_big_endian(out, b << 16 | a);
  return out;
}

CANDOR_INLINE std::string encode_stored_png(const image& picture) {
  const std::size_t stride = 3 * static_cast<std::size_t>(picture.width);
  std::string rows;
  rows.reserve(picture.rgb.size() + static_cast<std::size_t>(picture.height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    rows.push_back('\0');  // no filter
    rows.append(reinterpret_cast<const char*>(picture.rgb.data()) + y * stride, stride);
  }
  std::string header;
  append_big_endian(header, static_cast<std::uint32_t>(picture.width));
  append_big_endian(header, static_cast<std::uint32_t>(picture.height));
  header.append("\x08\x02\0\0\0", 5);  // 8 bits, RGB, no interlacing
  const std::string data = store_zlib(rows);
  std::string out(png_signature);
  const auto bytes = [](const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); };
  append_png_chunk(out, "IHDR", bytes(header));
  append_png_chunk(out, "IDAT", bytes(data));
  append_png_chunk(out, "IEND", {});
  return out;
}

#if CANDOR_HAS_PNG
CANDOR_INLINE std::string encode_compressed_png(const image& picture) {
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(picture.width);
  description.height = static_cast<png_uint_32>(picture.height);
  description.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  bool done = png_image_write_to_memory(&description, nullptr, &size, 0, picture.rgb.data(), 0, nullptr) != 0;
  std::string out(size, '\0');
  done = done &&
         png_image_write_to_memory(&description, out.data(), &size, 0, picture.rgb.data(), 0, nullptr) != 0;
  require<memory_error>(done, "[write_png] libpng could not encode ", picture.width, " x ", picture.height,
                        " pixels: ", std::string_view(description.message));
  out.resize(size);
  return out;
}
#endif

}  // namespace detail

CANDOR_INLINE std::string encode_png(const image& picture, bool compress) {
  const auto pixels = static_cast<std::size_t>(std::max(0, picture.width)) *
                      static_cast<std::size_t>(std::max(0, picture.height));
  require<usage_error>(pixels > 0 && picture.rgb.size() == 3 * pixels && pixels < (std::size_t{1} << 29),
                       "[write_png] an image of ", picture.width, " x ", picture.height, " pixels with ",
                       picture.rgb.size(), " bytes cannot be written");
#if CANDOR_HAS_PNG
  if (compress) return detail::encode_compressed_png(picture);
#else
  require<usage_error>(!compress, "[write_png] built without libpng; write without compression");
#endif
  return detail::encode_stored_png(picture);
}

CANDOR_INLINE void write_png(const std::filesystem::path& path, const image& picture) {
  write_atomically(path, encode_png(picture));
}

CANDOR_INLINE image enlarge(const image& picture, int factor) {
  require<usage_error>(factor >= 1 && std::max(picture.width, picture.height) <= 65'535 / factor,
                       "[enlarge] factor ", factor, " for ", picture.width, " x ", picture.height,
                       " pixels; at least 1, and at most 65535 pixels a side after it");
  image out = detail::make_image(picture.width * factor, picture.height * factor);
  const auto f = static_cast<std::size_t>(factor), width = static_cast<std::size_t>(out.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(out.height); ++y)
    for (std::size_t x = 0; x < width; ++x)
      std::copy_n(&picture.rgb[3 * ((y / f) * static_cast<std::size_t>(picture.width) + x / f)], 3,
                  &out.rgb[3 * (y * width + x)]);
  return out;
}

}  // namespace CANDOR_NS
