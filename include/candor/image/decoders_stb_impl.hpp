// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// JPEG and PNG by stb_image, which needs no library. It only sees the essential parts of files that the
/// header scan accepted, and of a JPEG only after its entropy-coded data was read through: stb_image would
/// fill what is missing with grey.

#include <candor/core/error.hpp>
#include <candor/image/decoders.hpp>
#include <candor/image/jpeg_entropy.hpp>

#if CANDOR_HAS_STB

#if !defined(STBI_INCLUDE_STB_IMAGE_H)  // else the unit brings its own copy with its implementation
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif
// stb_image interpolates the last pair of columns of 4:2:2 images from the wrong neighbour (up to 9 levels
// off on a photograph). The macro renames its definition, which has parentheses; its use has none and finds
// this one.
#define stbi__resample_row_h_2(out, near, far, w, hs) stbi__resample_row_h_2_replaced(out, near, far, w, hs)
static unsigned char*(stbi__resample_row_h_2)(unsigned char* out, unsigned char* in, unsigned char*, int w,
                                              int) {
  const auto mix = [](int near, int far) { return static_cast<unsigned char>((3 * near + far + 2) >> 2); };
  for (int i = 0; i < w; ++i) {
    out[2 * i] = i == 0 ? in[0] : mix(in[i], in[i - 1]);
    out[2 * i + 1] = i == w - 1 ? in[w - 1] : mix(in[i], in[i + 1]);
  }
  return out;
}
#if __has_include(<stb/stb_image.h>)
#include <stb/stb_image.h>
#else
#include <stb_image.h>
#endif
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#undef stbi__resample_row_h_2
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_PNG
#undef STBI_NO_STDIO
#endif

#include <algorithm>
#include <memory>

namespace CANDOR_NS::detail {

struct stb_closer {
  void operator()(void* pixels) const { stbi_image_free(pixels); }
};

/// Throws where stb_image gave nothing, or another size than the header scan found.
CANDOR_INLINE void require_stb_pixels(const void* pixels, int width, int height, const image_header& header,
                                      std::string_view name) {
  require<input_error>(pixels != nullptr, name, ": the pixel data cannot be decoded: ",
                       std::string_view(pixels == nullptr ? stbi_failure_reason() : ""),
                       "; the file is damaged, fetch it again or save it again");
  require<input_error>(width == header.width && height == header.height, name, ": decoded to ", width, " x ",
                       height, " pixels, the header says ", header.width, " x ", header.height);
}

CANDOR_INLINE image decode_rgb_with_stb(std::span<const std::byte> bytes, const image_header& header,
                                        std::string_view name) {
  int width = 0, height = 0, stored = 0;
  const std::unique_ptr<stbi_uc, stb_closer> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()),
                            &width, &height, &stored, 3));
  require_stb_pixels(pixels.get(), width, height, header, name);
  image out = make_image(width, height);
  std::copy_n(pixels.get(), out.rgb.size(), out.rgb.begin());
  return out;
}

CANDOR_INLINE image decode_with_stb(std::span<const std::byte> bytes, const jpeg_layout& layout,
                                    std::string_view name) {
  check_jpeg_entropy(bytes, layout, name);
  return decode_rgb_with_stb(essential_jpeg(bytes, layout, true), layout.header, name);
}

CANDOR_INLINE image decode_with_stb(std::span<const std::byte> bytes, const png_layout& layout,
                                    std::string_view name) {
  const std::vector<std::byte> essential = essential_png(bytes, layout);
  if (layout.colour_type != 0 || layout.header.bit_depth != 16)
    return decode_rgb_with_stb(essential, layout.header, name);
  int width = 0, height = 0, stored = 0;
  const std::unique_ptr<stbi_us, stb_closer> samples(
      stbi_load_16_from_memory(reinterpret_cast<const stbi_uc*>(essential.data()),
                               static_cast<int>(essential.size()), &width, &height, &stored, 1));
  require_stb_pixels(samples.get(), width, height, layout.header, name);
  image out = make_image(width, height);
  for (std::size_t i = 0; i < out.rgb.size() / 3; ++i)  // Pillow clips 16-bit grey, it does not scale it
    std::fill_n(&out.rgb[3 * i], 3, static_cast<std::uint8_t>(std::min<int>(samples.get()[i], 255)));
  return out;
}

}  // namespace CANDOR_NS::detail

#else

namespace CANDOR_NS::detail {

CANDOR_INLINE image decode_with_stb(std::span<const std::byte>, const jpeg_layout&, std::string_view name) {
  fail<usage_error>(name, ": built without stb_image");
}
CANDOR_INLINE image decode_with_stb(std::span<const std::byte>, const png_layout&, std::string_view name) {
  fail<usage_error>(name, ": built without stb_image");
}

}  // namespace CANDOR_NS::detail

#endif
