// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// JPEG by libjpeg-turbo: the accurate inverse transform and smooth chroma, which Pillow uses too.

#include <candor/core/error.hpp>
#include <candor/image/decoders.hpp>

#if CANDOR_HAS_TURBOJPEG

#include <turbojpeg.h>

#include <algorithm>
#include <memory>

namespace CANDOR_NS::detail {

struct turbojpeg_closer {
  void operator()(void* handle) const { tjDestroy(handle); }
};

/// (a * b) / 255, rounded as Pillow's MULDIV255.
CANDOR_INLINE int multiply_255(int a, int b) {
  const int t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/// Ink amounts, stored inverted as Adobe does, to RGB by Pillow's integer formula.
CANDOR_INLINE void cmyk_to_rgb(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb) {
  for (std::size_t i = 0; i < rgb.size() / 3; ++i) {
    const int white = cmyk[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c)
      rgb[3 * i + c] =
          static_cast<std::uint8_t>(std::max(0, white - multiply_255(255 - cmyk[4 * i + c], white)));
  }
}

CANDOR_INLINE image decode_with_turbojpeg(std::span<const std::byte> bytes, const jpeg_layout& layout,
                                          std::string_view name) {
  std::vector<std::byte> cleaned;
  if (!layout.clean) {
    cleaned = essential_jpeg(bytes, layout, false);
    bytes = cleaned;
  }
  const std::unique_ptr<void, turbojpeg_closer> handle(tjInitDecompress());
  require<memory_error>(handle != nullptr, name,
                        ": libjpeg-turbo could not start: ", tjGetErrorStr2(nullptr));
  image out = make_image(layout.header.width, layout.header.height);
  const bool cmyk = layout.header.components == 4;
  std::vector<std::uint8_t> inks(cmyk ? out.rgb.size() / 3 * 4 : 0);
  const int status =
      tjDecompress2(handle.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<unsigned long>(bytes.size()), cmyk ? inks.data() : out.rgb.data(), out.width,
                    0, out.height, cmyk ? TJPF_CMYK : TJPF_RGB, 0);
  if (status != 0) {
    const std::string_view message = tjGetErrorStr2(handle.get());
    // Only stray bytes between the last pixel and the end marker are harmless: the first warning is the one
    // that is kept, and nothing can follow this one.
    const bool harmless =
        tjGetErrorCode(handle.get()) == TJERR_WARNING && message.ends_with("before marker 0xd9");
    require<input_error>(harmless, name, ": the JPEG's pixel data cannot be decoded: ", message,
                         "; the file is damaged, fetch it again or save it again");
  }
  if (cmyk) cmyk_to_rgb(inks, out.rgb);
  return out;
}

}  // namespace CANDOR_NS::detail

#else

namespace CANDOR_NS::detail {

CANDOR_INLINE image decode_with_turbojpeg(std::span<const std::byte>, const jpeg_layout&,
                                          std::string_view name) {
  fail<usage_error>(name, ": built without libjpeg-turbo");
}

}  // namespace CANDOR_NS::detail

#endif
