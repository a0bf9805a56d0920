// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <scenes/claims.hpp>

using namespace scenes;

TEST_CASE("words and punctuation marks are counted one by one", "[scenes][claims]") {
  CHECK(words("The picture shows a red sun, and.") ==
        std::vector<std::string>{"the", "picture", "shows", "a", "red", "sun", ",", "and", "."});
  CHECK(words("  Yes\n").size() == 1);
  CHECK(words("").empty());
}

TEST_CASE("a caption reads back as the things it was written from", "[scenes][claims]") {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    candor::random_stream dice(31, i);
    const scene s = draw_scene(dice);
    for (const auto style : {caption_style::brief, caption_style::detailed}) {
      auto said = faulty(s, dice);
      const auto text = caption(style, said);
      const auto read = read_caption(text);
      REQUIRE(read.style == style);
      if (style == caption_style::brief)
        for (auto& o : said) o.cell = -1;  // brief captions do not say where
      REQUIRE(read.mentions == said);
    }
  }
}

TEST_CASE("broken captions are read as far as they go", "[scenes][claims]") {
  const auto read = [](std::string_view text) { return read_caption(text).mentions; };
  CHECK(read("").empty());
  CHECK(read("The picture shows").empty());
  CHECK(read("The picture shows a red red moon, sun") == std::vector<object>{{moon, red, -1}, {sun, -1, -1}});
  CHECK(read("At the top left is a red sun. At the bottom") == std::vector<object>{{sun, red, 0}});
  CHECK(read("In the top bottom is a red sun.") == std::vector<object>{{sun, red, -1}});  // no such place
  CHECK(read("In the middle left is a red sun.") == std::vector<object>{{sun, red, -1}});
  CHECK(read("At the right is a red sun and a moon. At") ==
        std::vector<object>{{sun, red, 5}, {moon, -1, 5}});
}

TEST_CASE("corrections put true things in the places of false ones", "[scenes][claims]") {
  scene s;
  s.objects = {{moon, red, 0}, {fish, blue, 3}, {tree, green, 7}};
  // The star is not there; the fish was left out.
  CHECK(correct(s, "The picture shows a red moon, a yellow star and a green tree.") ==
        "The picture shows a red moon, a blue fish and a green tree.");
  CHECK(correct(s,
                "At the top left is a red moon. At the bottom right is a yellow star. At the bottom is a "
                "green tree.") ==
        "At the top left is a red moon. At the left is a blue fish. At the bottom is a green tree.");
  // Nothing was left out: the false thing goes.
  CHECK(correct(s, "The picture shows a red moon, a blue fish, a green tree and a white cloud.") ==
        "The picture shows a red moon, a blue fish and a green tree.");
  // Wrong colours and places; a repetition becomes the next thing that was left out; true things are not
  // added.
  CHECK(correct(s, "The picture shows a white moon and a blue moon.") ==
        "The picture shows a red moon and a blue fish.");
  CHECK(correct(s, "At the bottom is a red moon.") == "At the top left is a red moon.");
  CHECK(correct(s, "The picture shows a red moon.") == "The picture shows a red moon.");
  CHECK(correct(s, "The picture shows.").empty());
}

TEST_CASE("only captions with an absent thing make the annotator write", "[scenes][claims]") {
  scene s;
  s.objects = {{moon, red, 0}, {fish, blue, 3}};
  CHECK(annotate(s, "The picture shows a red moon and a yellow star.") ==
        "The picture shows a red moon and a blue fish.");
  CHECK_FALSE(annotate(s, "The picture shows a white moon.").has_value());  // a wrong colour alone
  CHECK_FALSE(annotate(s, "The picture shows a red moon and a blue fish.").has_value());
  CHECK_FALSE(annotate(s, "").has_value());
}

TEST_CASE("a corrected caption says nothing wrong", "[scenes][claims]") {
  for (std::uint64_t i = 0; i < 3000; ++i) {
    candor::random_stream dice(32, i);
    const scene s = draw_scene(dice);
    auto said = faulty(s, dice);
    if (chance(dice, 0.3)) said[0].colour = below(dice, colour_count);
    if (chance(dice, 0.3)) said.back().cell = below(dice, cell_count);
    if (chance(dice, 0.3)) said.push_back({.kind = below(dice, kind_count), .colour = white, .cell = 2});
    for (const auto style : {caption_style::brief, caption_style::detailed}) {
      const auto text = caption(style, said);
      const auto corrected = correct(s, text);
      const auto read = read_caption(corrected);
      REQUIRE(read.style == style);
      REQUIRE(read.mentions.size() <= said.size());
      std::array<int, kind_count> times{};
      for (const object& m : read.mentions) {
        const object* truth = s.find(m.kind);
        REQUIRE(truth != nullptr);
        CHECK(m.colour == truth->colour);
        CHECK(m.cell == (style == caption_style::detailed ? truth->cell : -1));
        CHECK(++times.at(static_cast<std::size_t>(m.kind)) == 1);
      }
      CHECK(correct(s, corrected) == corrected);
    }
    CHECK(correct(s, caption(caption_style::brief, s.objects)) == caption(caption_style::brief, s.objects));
  }
}
