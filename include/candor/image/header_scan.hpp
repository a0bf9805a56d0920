// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The gate in front of every image decoder: tells JPEG from PNG, walks all markers or chunks with bounds
/// checks, and caps sizes before anything is allocated. The decoders are only ever given files that passed;
/// stb_image 2.27, for one, writes out of bounds when a Huffman table of a JPEG counts more than 256 codes.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace CANDOR_NS {

/// Checks a whole file, from its first to its last byte, without decoding pixels. `name` stands in messages.
/// Throws input_error with the file, the offset, what was found and what to do: for a format that is not
/// supported (by its name), for a size over the limits, and for a file that is cut off or broken.
image_header scan_image(std::span<const std::byte> bytes, std::string_view name,
                        const image_limits& limits = {});

namespace detail {

/// Tells the format by the first bytes, or refuses it by its name.
image_format sniff_image(std::span<const std::byte> bytes, std::string_view name);

/// Refuses a width or height of zero or over the limits. `offset` is where the file states them.
void require_image_size(std::uint32_t width, std::uint32_t height, std::size_t offset, std::string_view name,
                        const image_limits& limits);

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/image/header_scan_impl.hpp>
#endif
