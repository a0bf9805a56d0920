// SPDX-License-Identifier: Apache-2.0
// Decoding an image with each of the two decoders that candor may have.
#include <candor/image/decode.hpp>
#include <candor/image/header_scan.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/png_mutator.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  const candor::image_limits small{.max_bytes = 4096, .max_pixels = 4096, .max_side = 256, .max_scans = 12};
  const auto bytes = bytes_of(data, size);
  for (const bool prefer_stb : {false, true})
    accepted("an image: ", [&] {
      const auto pixels =
          candor::decode_image(bytes, "an image", {.limits = small, .prefer_stb = prefer_stb});
      const auto header = candor::scan_image(bytes, "an image", small);
      promise(pixels.width == header.width && pixels.height == header.height,
              "the size is that of the header");
      promise(pixels.rgb.size() == std::size_t(pixels.width) * std::size_t(pixels.height) * 3,
              "each pixel has three bytes");
    });
  return 0;
}
