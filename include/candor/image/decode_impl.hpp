// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of decode.hpp: the choice of a decoder; the work is in decoders_*_impl.hpp.

#include <candor/core/error.hpp>
#include <candor/image/decode.hpp>
#include <candor/image/decoders.hpp>
#include <candor/image/header_scan.hpp>
#include <candor/image/jpeg_scan.hpp>
#include <candor/image/png_scan.hpp>
#include <candor/io/atomic_file.hpp>

#include <string>

namespace CANDOR_NS {

CANDOR_INLINE std::string_view decoder_name(image_format format, const decode_options& options) {
  const bool stb = CANDOR_HAS_STB != 0, jpeg = format == image_format::jpeg;
  if (options.prefer_stb && stb) return "stb_image";
  if (jpeg ? CANDOR_HAS_TURBOJPEG != 0 : CANDOR_HAS_PNG != 0) return jpeg ? "libjpeg-turbo" : "libpng";
  return stb ? "stb_image" : "none";
}

CANDOR_INLINE image decode_image(std::span<const std::byte> bytes, std::string_view name,
                                 const decode_options& options) {
  const auto& limits = options.limits;
  require<input_error>(bytes.size() <= limits.max_bytes, name, ": ", bytes.size(),
                       " bytes, an image file may have ", limits.max_bytes,
                       "; scale the image down or raise image_limits");
  const image_format format = detail::sniff_image(bytes, name);
  const std::string_view decoder = decoder_name(format, options);
  if (format == image_format::png) {
    const auto layout = detail::scan_png(bytes, name, limits);
    if (decoder == "libpng") return detail::decode_with_libpng(bytes, layout, name);
    if (decoder == "stb_image") return detail::decode_with_stb(bytes, layout, name);
  } else {
    const auto layout = detail::scan_jpeg(bytes, name, limits);
    if (decoder == "libjpeg-turbo") return detail::decode_with_turbojpeg(bytes, layout, name);
    if (decoder == "stb_image") return detail::decode_with_stb(bytes, layout, name);
  }
  fail<usage_error>(name, ": this program was built with no decoder for ",
                    format == image_format::png ? "PNG" : "JPEG",
                    "; build it with one (apt-get install libturbojpeg0-dev libpng-dev libstb-dev)");
}

CANDOR_INLINE image load_image(const std::filesystem::path& path, const decode_options& options) {
  const std::string bytes = read_file(path, options.limits.max_bytes);
  return decode_image(std::as_bytes(std::span(bytes.data(), bytes.size())), path.string(), options);
}

}  // namespace CANDOR_NS
