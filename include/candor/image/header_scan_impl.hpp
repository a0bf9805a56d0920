// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of header_scan.hpp. Signatures: the file formats' own specifications.

#include <candor/core/error.hpp>
#include <candor/image/header_scan.hpp>
#include <candor/image/jpeg_scan.hpp>
#include <candor/image/png_scan.hpp>

#include <string>

namespace CANDOR_NS {
namespace detail {

struct known_signature {
  std::size_t offset;
  std::string_view bytes;
  const char* format;
};

/// Formats that are met in datasets and on disks, and are not decoded here.
inline constexpr known_signature refused_signatures[] = {
    {8, "WEBP", "WebP"},
    {0, "GIF87a", "GIF"},
    {0, "GIF89a", "GIF"},
    {0, "BM", "BMP"},
    {0, std::string_view("II*\0", 4), "TIFF"},
    {0, std::string_view("MM\0*", 4), "TIFF"},
    {4, "ftypavif", "AVIF"},
    {4, "ftypheic", "HEIC"},
    {4, "ftypheix", "HEIC"},
    {4, "ftypmif1", "HEIF"},
    {4, "jP  ", "JPEG 2000"},
    {0, "\xFF\x4F\xFF\x51", "JPEG 2000"},
    {0, "\xFF\x0A", "JPEG XL"},
    {4, "JXL ", "JPEG XL"},
    {0, "8BPS", "Photoshop"},
    {0, "%PDF", "PDF"},
    {0, "<svg", "SVG"},
    {0, "<?xml", "XML or SVG"},
    {0, "<!DOCTYPE", "HTML (a web page, perhaps an error page in place of a download)"},
    {0, "<html", "HTML (a web page, perhaps an error page in place of a download)"},
    {0, "version https://git-lfs", "a Git LFS pointer (run git lfs pull)"},
    {0, "P5", "PGM"},
    {0, "P6", "PPM"},
};

CANDOR_INLINE image_format sniff_image(std::span<const std::byte> bytes, std::string_view name) {
  require<input_error>(!bytes.empty(), name, ": the file is empty, an image was expected");
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (head.starts_with("\xFF\xD8")) return image_format::jpeg;
  if (head.starts_with("\x89PNG\r\n\x1A\n")) return image_format::png;
  for (const auto& s : refused_signatures)
    if (head.size() > s.offset && head.substr(s.offset).starts_with(s.bytes))
      fail<input_error>(name, ": this is ", s.format,
                        ", only JPEG and PNG are read; convert it to one of them");
  std::string found;
  for (std::size_t i = 0; i < head.size() && i < 8; ++i) {
    constexpr char hex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(head[i]);
    found += {hex[byte >> 4], hex[byte & 15], ' '};
  }
  found.pop_back();
  fail<input_error>(name, ": neither JPEG nor PNG, it begins with the bytes ", found);
}

CANDOR_INLINE void require_image_size(std::uint32_t width, std::uint32_t height, std::size_t offset,
                                      std::string_view name, const image_limits& limits) {
  require<input_error>(width > 0 && height > 0, name, ": byte ", offset, ": the image is ", width, " x ",
                       height, " pixels; both sides must be at least 1");
  const auto side = static_cast<std::uint32_t>(limits.max_side);
  require<input_error>(width <= side && height <= side, name, ": byte ", offset, ": the image is ", width,
                       " x ", height, " pixels, a side may have at most ", side,
                       "; scale it down or raise image_limits");
  const std::int64_t pixels = std::int64_t{width} * height;
  require<input_error>(pixels <= limits.max_pixels, name, ": byte ", offset, ": the image is ", width, " x ",
                       height, " = ", pixels, " pixels, at most ", limits.max_pixels,
                       " are allowed; scale it down or raise image_limits");
}

}  // namespace detail

CANDOR_INLINE image_header scan_image(std::span<const std::byte> bytes, std::string_view name,
                                      const image_limits& limits) {
  require<input_error>(bytes.size() <= limits.max_bytes, name, ": ", bytes.size(),
                       " bytes, an image file may have ", limits.max_bytes,
                       "; scale the image down or raise image_limits");
  if (detail::sniff_image(bytes, name) == image_format::png)
    return detail::scan_png(bytes, name, limits).header;
  return detail::scan_jpeg(bytes, name, limits).header;
}

}  // namespace CANDOR_NS
