// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reads a JPEG's entropy-coded data through without making pixels of it (ITU-T T.81, annexes F and G). A
/// decoder that fills missing data with grey, as stb_image does, is only given images for which this finds
/// every block.

#include <candor/core/config.hpp>
#include <candor/image/jpeg_scan.hpp>

namespace CANDOR_NS::detail {

/// Throws input_error, with the offset and the block, where data is missing or is no possible code.
void check_jpeg_entropy(std::span<const std::byte> bytes, const jpeg_layout& layout, std::string_view name);

}  // namespace CANDOR_NS::detail

#if CANDOR_DEFINES
#include <candor/image/jpeg_entropy_impl.hpp>
#endif
