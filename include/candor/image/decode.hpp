// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// JPEG and PNG files to RGB bytes, equal to Pillow's `Image.open(path).convert("RGB")`: alpha is dropped,
/// not blended; CMYK is taken as Adobe stores it; 16-bit grey is clipped at 255; no EXIF rotation is applied.
/// libjpeg-turbo and libpng decode where they were found, stb_image otherwise (JPEG within 3 levels of 255,
/// but for images of up to 4 pixels width, whose chroma libjpeg does not smooth).

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace CANDOR_NS {

struct decode_options {
  image_limits limits{};
  bool prefer_stb = false;  ///< stb_image also where libjpeg-turbo or libpng are there; for tests
};

/// Decodes a whole JPEG or PNG file in memory. The header scan comes first, so limits are kept before memory
/// is asked for. Throws input_error for everything that is not a complete image: pixel data that is cut off
/// is an error, never a grey area. `name` stands in messages.
image decode_image(std::span<const std::byte> bytes, std::string_view name,
                   const decode_options& options = {});

/// Reads and decodes a file. Throws as decode_image, and io_error where the file cannot be read.
image load_image(const std::filesystem::path& path, const decode_options& options = {});

/// The library that decodes a format with these options: "libjpeg-turbo", "libpng", "stb_image" or "none".
/// Pixels may differ between them, so cached results should name it.
std::string_view decoder_name(image_format format, const decode_options& options = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/decode_impl.hpp>
#endif
