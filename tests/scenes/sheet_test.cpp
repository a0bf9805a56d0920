// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/error.hpp>
#include <candor/image/write_png.hpp>

#include <scenes/sheet.hpp>

#include <string>

using namespace scenes;

namespace {

candor::image plain(int width, int height, std::uint8_t level) {
  return {width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3), level)};
}

/// The bytes of base64 text.
std::string decoded(std::string_view data) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  REQUIRE(data.size() % 4 == 0);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : data) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 255));
  }
  return out;
}

/// The wrong words in brackets.
std::string marked(const scene& s, const std::string& text) {
  std::string out;
  for (const auto& word : judge_words(s, text))
    out += (out.empty() ? "" : " ") + (word.wrong ? "[" + word.text + "]" : word.text);
  return out;
}

}  // namespace

TEST_CASE("a sheet lays enlarged pictures out row by row", "[scenes][sheet]") {
  const std::vector<candor::image> pictures = {plain(2, 1, 10), plain(2, 1, 20), plain(2, 1, 30)};
  const auto sheet = lay_out(pictures, {.columns = 2, .factor = 2, .gap = 1});
  REQUIRE(sheet.width == 9);   // 4 + 1 + 4
  REQUIRE(sheet.height == 5);  // 2 + 1 + 2
  const std::string rows[] = {"111102222", "111102222", "000000000", "333300000", "333300000"};
  for (int y = 0; y < 5; ++y)
    for (int x = 0; x < 9; ++x)
      for (int c = 0; c < 3; ++c)
        CHECK(sheet.rgb[static_cast<std::size_t>((y * 9 + x) * 3 + c)] ==
              (rows[y][static_cast<std::size_t>(x)] - '0') * 10);
  CHECK(lay_out(std::vector<candor::image>{pictures[0]}, {.factor = 1}) == pictures[0]);
  CHECK_THROWS_AS(lay_out(std::vector<candor::image>{}), candor::usage_error);
  CHECK_THROWS_AS(lay_out(std::vector<candor::image>{plain(2, 1, 0), plain(1, 2, 0)}), candor::usage_error);
}

TEST_CASE("words of absent things and wrong colours are marked", "[scenes][sheet]") {
  scene s;
  s.objects = {{moon, red, 0}, {fish, blue, 3}};
  CHECK(marked(s, "The picture shows a red moon, a yellow star and a green fish.") ==
        "The picture shows a red moon, [a] [yellow] [star] and a [green] fish.");
  CHECK(marked(s, "At the top is a star. At") == "At the top is [a] [star.] At");
  CHECK(marked(s, "star") == "[star]");
  CHECK(marked(s, " \n a red\nstar \n") == "[a] [red] [star]");
  CHECK(marked(s, "") == "");
}

TEST_CASE("an SVG sheet holds pictures, captions and marks", "[scenes][sheet]") {
  scene s = draw_scene(61, 0);
  s.objects = {{moon, red, 0}, {fish, blue, 3}};
  const std::vector<captioned_scene> shown = {{s, "a yellow star & <more>", "The picture shows a red moon."}};
  const auto svg = svg_sheet(shown, {.before = "base", .after = "aligned"});
  const auto has = [&](std::string_view part) { return svg.find(part) != std::string::npos; };
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(has("<tspan class=\"wrong\">star</tspan> &amp; &lt;more&gt;"));
  CHECK(has(">base</text>"));
  CHECK(has(">aligned</text>"));
  CHECK(has("The picture shows a red moon."));
  // RFC 4648: the PNG signature 89 50 4E 47 0D 0A 1A 0A begins "iVBORw0KGgo", and the length is a multiple of
  // four.
  const std::string mark = "data:image/png;base64,";
  const auto begin = svg.find(mark) + mark.size();
  const auto data = svg.substr(begin, svg.find('"', begin) - begin);
  CHECK(data.starts_with("iVBORw0KGgo"));
  CHECK(decoded(data) == candor::encode_png(s.picture));
}
