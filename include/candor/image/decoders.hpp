// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The decoders behind decode.hpp, one library an implementation file. Each takes a file that the header scan
/// accepted together with what the scan found.

#include <candor/core/config.hpp>
#include <candor/image/image.hpp>
#include <candor/image/jpeg_scan.hpp>
#include <candor/image/png_scan.hpp>

#include <cstddef>
#include <span>
#include <string_view>

/// 1 where stb_image.h is found by the compiler.
#ifndef CANDOR_HAS_STB
#if __has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>)
#define CANDOR_HAS_STB 1
#else
#define CANDOR_HAS_STB 0
#endif
#endif

namespace CANDOR_NS::detail {

image decode_with_turbojpeg(std::span<const std::byte> bytes, const jpeg_layout& layout,
                            std::string_view name);
image decode_with_libpng(std::span<const std::byte> bytes, const png_layout& layout, std::string_view name);
image decode_with_stb(std::span<const std::byte> bytes, const jpeg_layout& layout, std::string_view name);
image decode_with_stb(std::span<const std::byte> bytes, const png_layout& layout, std::string_view name);

}  // namespace CANDOR_NS::detail

#if CANDOR_DEFINES
#include <candor/image/decoders_png_impl.hpp>
#include <candor/image/decoders_stb_impl.hpp>
#include <candor/image/decoders_turbojpeg_impl.hpp>
#endif
