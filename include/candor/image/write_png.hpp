// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RGB images to PNG files, for showing them to people. libpng compresses where it was found; without it the
/// same pixels are stored uncompressed, which every reader understands.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>

#include <filesystem>
#include <string>

namespace CANDOR_NS {

/// The bytes of a PNG file, 8 bits a sample. `compress` asks for libpng. usage_error for an image without
/// pixels.
std::string encode_png(const image& picture, bool compress = CANDOR_HAS_PNG != 0);

/// Writes a PNG file, whole or not at all. io_error where the operating system refuses.
void write_png(const std::filesystem::path& path, const image& picture);

/// Every pixel as a square of `factor` x `factor` pixels. usage_error below 1 or where a side exceeds 65535.
image enlarge(const image& picture, int factor);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/write_png_impl.hpp>
#endif
