// SPDX-License-Identifier: Apache-2.0
// The scan that stands in front of the image decoders.
#include <candor/image/header_scan.hpp>

#include "fuzz/fuzz.hpp"
#include "fuzz/png_mutator.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  const candor::image_limits limits;
  accepted("an image: ", [&] {
    const auto header = candor::scan_image(bytes_of(data, size), "an image", limits);
    promise(header.width > 0 && header.width <= limits.max_side, "the width is within its limit");
    promise(header.height > 0 && header.height <= limits.max_side, "the height is within its limit");
    promise(std::int64_t{header.width} * header.height <= limits.max_pixels,
            "the pixels are within their limit");
    promise(header.components >= 1 && header.components <= 4, "there are 1 to 4 components");
  });
  return 0;
}
