// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// PNG by libpng, which is given the essential chunks only. libpng reports errors by longjmp, so everything
/// with a destructor lives outside the function that calls setjmp.

#include <candor/core/error.hpp>
#include <candor/image/decoders.hpp>

#if CANDOR_HAS_PNG

#include <png.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace CANDOR_NS::detail {

/// What libpng's callbacks see: the bytes that are left and room for the message of an error.
struct png_source {
  std::span<const std::byte> rest;
  char message[128] = {};
};

/// The libpng objects, freed in any case.
struct png_reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  png_reader() = default;
  png_reader(const png_reader&) = delete;
  png_reader& operator=(const png_reader&) = delete;
  ~png_reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] CANDOR_INLINE void png_refuse(png_structp png, png_const_charp message) {
  auto& source = *static_cast<png_source*>(png_get_error_ptr(png));
  std::strncpy(source.message, message, sizeof source.message - 1);
  png_longjmp(png, 1);
}
CANDOR_INLINE void png_ignore(png_structp, png_const_charp) {}
CANDOR_INLINE void png_take(png_structp png, png_bytep out, std::size_t size) {
  auto& source = *static_cast<png_source*>(png_get_io_ptr(png));
  if (size > source.rest.size()) png_error(png, "unexpected end of file");
  std::memcpy(out, source.rest.data(), size);
  source.rest = source.rest.subspan(size);
}

/// Reads all rows; false where libpng refused the file. Holds nothing that needs a destructor.
CANDOR_INLINE bool png_read_rows(png_reader& reader, png_source& source, bool raw, png_bytep* rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &source, png_take);
  png_set_crc_action(reader.png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);  // the header scan checked them
  png_read_info(reader.png, reader.info);
  if (!raw) {
    png_set_expand(reader.png);
    png_set_strip_16(reader.png);
    png_set_strip_alpha(reader.png);
    png_set_gray_to_rgb(reader.png);
  }
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

CANDOR_INLINE image decode_with_libpng(std::span<const std::byte> bytes, const png_layout& layout,
                                       std::string_view name) {
  const std::vector<std::byte> essential = essential_png(bytes, layout);
  png_source source{essential};
  png_reader reader;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, png_refuse, png_ignore);
  reader.info = reader.png != nullptr ? png_create_info_struct(reader.png) : nullptr;
  require<memory_error>(reader.info != nullptr, name, ": libpng could not start; memory ran out");

  image out = make_image(layout.header.width, layout.header.height);
  const bool grey_16 = layout.colour_type == 0 && layout.header.bit_depth == 16;
  std::vector<std::uint8_t> samples(grey_16 ? out.rgb.size() / 3 * 2 : 0);
  std::uint8_t* const base = grey_16 ? samples.data() : out.rgb.data();
  const std::size_t stride = static_cast<std::size_t>(out.width) * (grey_16 ? 2 : 3);
  std::vector<png_bytep> rows(static_cast<std::size_t>(out.height));
  for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = base + y * stride;
  require<input_error>(png_read_rows(reader, source, grey_16, rows.data()), name,
                       ": the PNG's pixel data cannot be decoded: ", std::string_view(source.message),
                       "; the file is damaged, fetch it again or save it again");
  for (std::size_t i = 0; i < samples.size() / 2; ++i)  // Pillow clips 16-bit grey, it does not scale it
    std::fill_n(&out.rgb[3 * i], 3, samples[2 * i] != 0 ? std::uint8_t{255} : samples[2 * i + 1]);
  return out;
}

}  // namespace CANDOR_NS::detail

#else

namespace CANDOR_NS::detail {

CANDOR_INLINE image decode_with_libpng(std::span<const std::byte>, const png_layout&, std::string_view name) {
  fail<usage_error>(name, ": built without libpng");
}

}  // namespace CANDOR_NS::detail

#endif
