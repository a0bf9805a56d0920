// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/decode.hpp>
#include <candor/image/write_png.hpp>

#include "image/patterns.hpp"
#include "support/catch.hpp"

#include <unistd.h>

namespace {

candor::image decoded(const std::string& file, bool prefer_stb) {
  return candor::decode_image(std::as_bytes(std::span(file.data(), file.size())), "written.png",
                              {.prefer_stb = prefer_stb});
}

}  // namespace

TEST_CASE("A written PNG decodes to the same pixels", "[image][write_png]") {
  for (const auto& [w, h] :
       {std::pair{1, 1}, {48, 48}, {3, 200}, {301, 217}}) {  // the last needs several blocks
    const auto picture = candor_test::pattern("noise", w, h);
    for (const bool prefer_stb : {false, true}) {
      CHECK(decoded(candor::encode_png(picture, false), prefer_stb) == picture);
#if CANDOR_HAS_PNG
      CHECK(decoded(candor::encode_png(picture, true), prefer_stb) == picture);
#endif
    }
  }
}

#if CANDOR_HAS_PNG
TEST_CASE("libpng makes smooth pictures smaller than they are", "[image][write_png]") {
  const auto picture = candor_test::pattern("smooth", 100, 100);
  CHECK(candor::encode_png(picture, true).size() < picture.rgb.size() / 4);
}
#endif

TEST_CASE("A PNG is written to a file and read back", "[image][write_png]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("candor_write_" + std::to_string(::getpid()) + ".png");
  const auto picture = candor_test::pattern("smooth", 17, 5);
  candor::write_png(path, picture);
  CHECK(candor::load_image(path) == picture);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(candor::write_png("/nowhere/picture.png", picture), candor::io_error);
}

TEST_CASE("Enlarging makes every pixel a square", "[image][write_png]") {
  const candor::image two{2, 1, {1, 2, 3, 7, 8, 9}};
  const auto large = candor::enlarge(two, 2);
  CHECK(large ==
        candor::image{4, 2, {1, 2, 3, 1, 2, 3, 7, 8, 9, 7, 8, 9, 1, 2, 3, 1, 2, 3, 7, 8, 9, 7, 8, 9}});
  CHECK(candor::enlarge(two, 1) == two);
  CHECK_THROWS_AS(candor::enlarge(two, 0), candor::usage_error);
  CHECK_THROWS_AS(candor::enlarge(two, 40'000), candor::usage_error);
}

TEST_CASE("Images without pixels are not written", "[image][write_png]") {
  CHECK_THROWS_AS(candor::encode_png({}), candor::usage_error);
  CHECK_THROWS_AS(candor::encode_png({2, 2, std::vector<std::uint8_t>(11)}), candor::usage_error);
}
