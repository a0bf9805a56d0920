// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/decode.hpp>
#include <candor/image/decoders.hpp>
#include <candor/image/header_scan.hpp>

#include "image/golden_images.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

int largest_difference(const candor::image& a, const std::vector<std::uint8_t>& b) {
  REQUIRE(a.rgb.size() == b.size());
  int largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) largest = std::max(largest, std::abs(a.rgb[i] - b[i]));
  return largest;
}

void compare(const char* list, bool prefer_stb, int allowed) {
  const auto images = candor_test::golden_images(list);
  REQUIRE(images.size() > 25);
  for (const auto& g : images) {
    INFO(g.name);
    const auto decoded = candor::decode_image(g.file_bytes(), g.name, {.prefer_stb = prefer_stb});
    CHECK(decoded.width == g.width);
    CHECK(decoded.height == g.height);
    if (allowed > 0 && g.width <= 4) continue;  // libjpeg does not smooth the chroma of these, stb_image does
    CHECK(largest_difference(decoded, g.rgb) <= allowed);
  }
}

}  // namespace

TEST_CASE("JPEG files of all kinds decode to Pillow's bytes with libjpeg-turbo", "[image][decode]") {
  if (candor::decoder_name(candor::image_format::jpeg) != "libjpeg-turbo")
    CANDOR_SKIP("built without libjpeg-turbo");
  compare("decode_jpeg", false, 0);
}

TEST_CASE("PNG files of all kinds decode to Pillow's bytes with libpng", "[image][decode]") {
  if (candor::decoder_name(candor::image_format::png) != "libpng") CANDOR_SKIP("built without libpng");
  compare("decode_png", false, 0);
}

TEST_CASE("JPEG files of all kinds decode within 3 levels of Pillow with stb_image", "[image][decode]") {
  if (CANDOR_HAS_STB == 0) CANDOR_SKIP("built without stb_image");
  compare("decode_jpeg", true, 3);
}

TEST_CASE("PNG files of all kinds decode to Pillow's bytes with stb_image", "[image][decode]") {
  if (CANDOR_HAS_STB == 0) CANDOR_SKIP("built without stb_image");
  compare("decode_png", true, 0);
}

TEST_CASE("The scan of a header tells size, samples and kind without decoding", "[image][header_scan]") {
  for (const char* list : {"decode_jpeg", "decode_png"})
    for (const auto& g : candor_test::golden_images(list)) {
      INFO(g.name);
      const auto header = candor::scan_image(g.file_bytes(), g.name);
      CHECK(header.width == g.width);
      CHECK(header.height == g.height);
      CHECK((header.format == candor::image_format::png) == (std::string(list) == "decode_png"));
      const bool several_passes =
          g.name.find("progressive") != std::string::npos || g.name.find("interlaced") != std::string::npos;
      CHECK(header.progressive == several_passes);
      if (g.name.starts_with("grey_16")) CHECK(header.bit_depth == 16);
      if (g.name.starts_with("cmyk") || g.name.starts_with("rgba")) CHECK(header.components == 4);
    }
}

TEST_CASE("Real photographs decode with both decoders, at most 3 levels apart", "[image][decode]") {
  const auto folder = candor_test::shared_data("photos/images");
  if (folder.empty()) CANDOR_SKIP("the photographs are not here");
  if (CANDOR_HAS_STB == 0 || CANDOR_HAS_TURBOJPEG == 0) CANDOR_SKIP("built without one of the decoders");
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    INFO(entry.path().filename().string());
    const auto turbo = candor::load_image(entry.path());
    const auto stb = candor::load_image(entry.path(), {.prefer_stb = true});
    CHECK(turbo.width == stb.width);
    CHECK(largest_difference(turbo, stb.rgb) <= 3);
    ++count;
  }
  CHECK(count == 32);
}

TEST_CASE("A missing image file is an error of the operating system with its path", "[image][decode]") {
  CHECK_THROWS_AS(candor::load_image("/nowhere/picture.jpg"), candor::io_error);
  CHECK_THROWS_WITH(candor::load_image("/nowhere/picture.jpg"), Catch::Contains("/nowhere/picture.jpg"));
}
