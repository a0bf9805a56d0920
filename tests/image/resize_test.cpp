// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/image/png_scan.hpp>
#include <candor/image/resize.hpp>

#include "image/golden_images.hpp"
#include "image/patterns.hpp"
#include "support/catch.hpp"

#include <numeric>

TEST_CASE("Bicubic resizing gives Pillow's bytes for all sizes", "[image][resize]") {
  std::istringstream lines(candor_test::file_content(candor_test::golden("image/resize.txt")));
  int count = 0, orders_differ = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string kind, crc, older, begin;
    int w = 0, h = 0, to_w = 0, to_h = 0;
    fields >> kind >> w >> h >> to_w >> to_h >> crc >> older >> begin;
    INFO(line);
    const auto source = candor_test::pattern(kind, w, h);
    const auto resized = candor::resize_bicubic(source, to_w, to_h);
    CHECK(resized.width == to_w);
    CHECK(resized.height == to_h);
    CHECK(int(resized.rgb[0]) == std::stoi(begin.substr(0, 2), nullptr, 16));
    CHECK(candor::detail::crc32(std::as_bytes(std::span(resized.rgb))) == std::stoul(crc, nullptr, 16));
    const auto by_older = candor::resize_bicubic(source, to_w, to_h, candor::resize_order::pillow_12);
    CHECK(candor::detail::crc32(std::as_bytes(std::span(by_older.rgb))) == std::stoul(older, nullptr, 16));
    orders_differ += crc != older ? 1 : 0;
    ++count;
  }
  CHECK(count == 92);
  CHECK(orders_differ >= 10);
}

TEST_CASE("A window of a resized image equals the same part of the whole", "[image][resize]") {
  const auto source = candor_test::pattern("noise", 53, 37);
  for (const auto& [w, h] : {std::pair{20, 90}, {53, 12}, {90, 37}, {53, 37}, {11, 13}, {60, 20}, {50, 12}}) {
    const auto whole = candor::resize_bicubic(source, w, h);
    const candor::image_window window{3, 5, w - 7, h - 6};
    const auto part = candor::resize_bicubic(source, w, h, window);
    REQUIRE(part.width == window.width);
    REQUIRE(part.height == window.height);
    for (int y = 0; y < part.height; ++y)
      for (int x = 0; x < 3 * part.width; ++x)
        REQUIRE(part.rgb[std::size_t(y * 3 * part.width + x)] ==
                whole.rgb[std::size_t((y + window.top) * 3 * w + 3 * window.left + x)]);
  }
}

TEST_CASE("The weights of a resize add up to one", "[image][resize]") {
  for (const auto& [in, out] : {std::pair{640, 336}, {48, 336}, {4000, 3}, {1, 9}, {5, 5}}) {
    const auto plan = candor::detail::bicubic_weights(in, out, 0, out);
    for (int i = 0; i < out; ++i) {
      const auto begin = plan.weights.begin() + std::ptrdiff_t(i) * plan.taps;
      const double sum = std::accumulate(begin, begin + plan.taps, 0.0) / (1 << 22);
      CHECK(sum == Approx(1.0).margin(1e-6 * plan.taps));
    }
  }
}

TEST_CASE("A resize refuses sizes and images that cannot be", "[image][resize]") {
  const auto source = candor_test::pattern("noise", 4, 4);
  CHECK_THROWS_AS(candor::resize_bicubic(source, 0, 4), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic(source, 4, -1), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic(source, 1 << 21, 4), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic({}, 4, 4), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic({4, 4, std::vector<std::uint8_t>(47)}, 4, 4), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic(source, 8, 8, {0, 0, 9, 8}), candor::usage_error);
  CHECK_THROWS_AS(candor::resize_bicubic(source, 8, 8, {-1, 0, 4, 4}), candor::usage_error);
}
