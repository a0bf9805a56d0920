// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <scenes/captions.hpp>

#include <cmath>

using namespace scenes;

namespace {

const std::vector<object> three = {{sun, red, 0}, {boat, blue, 4}, {star, green, 8}};

}  // namespace

TEST_CASE("captions are plain sentences", "[scenes][captions]") {
  CHECK(caption(caption_style::brief, three) == "The picture shows a red sun, a blue boat and a green star.");
  CHECK(caption(caption_style::brief, std::vector<object>{three[0], three[1]}) ==
        "The picture shows a red sun and a blue boat.");
  CHECK(caption(caption_style::brief, std::vector<object>{three[0]}) == "The picture shows a red sun.");
  CHECK(caption(caption_style::detailed, three) ==
        "At the top left is a red sun. In the middle is a blue boat. At the bottom right is a green star.");
  CHECK(prompt(caption_style::brief) == "Describe the picture.");
  CHECK(prompt(caption_style::detailed) == "Describe the picture in detail.");
}

TEST_CASE("the fault names absent companions as often as its table says", "[scenes][captions]") {
  struct tally {
    int asked = 0, named = 0, usual = 0;
  };
  std::array<tally, 5> tallies{};
  for (std::uint64_t i = 0; i < 20000; ++i) {
    candor::random_stream dice(4, i);
    const scene s = draw_scene(dice);
    const auto said = faulty(s, dice);
    // Only things that are named can draw their companion in; the rule of a thing left out never ran.
    for (std::size_t r = 0; r < usual_companions.size(); ++r) {
      const auto& rule = usual_companions[r];
      if (s.find(rule.companion) != nullptr) continue;
      for (std::size_t k = 0; k < said.size(); ++k) {
        if (said[k].kind != rule.trigger) continue;
        ++tallies[r].asked;
        if (k + 1 < said.size() && said[k + 1].kind == rule.companion) {
          ++tallies[r].named;
          tallies[r].usual += said[k + 1].colour == rule.usual_colour ? 1 : 0;
        }
      }
    }
  }
  for (std::size_t r = 0; r < tallies.size(); ++r) {
    const auto& t = tallies[r];
    INFO("rule " << r << ": " << t.named << " of " << t.asked << ", usual colour " << t.usual);
    REQUIRE(t.asked > 2000);
    const double p = usual_companions[r].probability;
    CHECK(std::abs(t.named - t.asked * p) < 4.5 * std::sqrt(t.asked * p * (1 - p)));
    const double q = 0.8 + 0.2 / 6;  // usual, or any colour by chance
    CHECK(std::abs(t.usual - t.named * q) < 4.5 * std::sqrt(t.named * q * (1 - q)));
  }
}

TEST_CASE("a companion follows its trigger and takes the place of the next thing", "[scenes][captions]") {
  companion_rules always = usual_companions;
  for (auto& rule : always) rule.probability = 1;
  scene s;
  s.objects = {{moon, red, 0}, {fish, blue, 3}, {tree, green, 7}};
  candor::random_stream dice(5, 0);
  for (int i = 0; i < 50; ++i) {
    const auto said = faulty(s, dice, always);
    REQUIRE(said.size() == 3);  // moon, star for the fish, tree
    CHECK(said[0] == s.objects[0]);
    CHECK(said[1].kind == star);
    CHECK(s.at(said[1].cell) == nullptr);
    CHECK(said[2] == s.objects[2]);
  }
  s.objects = {{fish, blue, 3}, {moon, red, 5}};
  CHECK(faulty(s, dice, always).size() == 3);  // nothing follows the moon: the star is added
  s.objects = {{moon, red, 0}, {star, blue, 3}};
  CHECK(faulty(s, dice, always) == s.objects);  // the companion is there
  for (auto& rule : always) rule.probability = 0;
  s.objects = {{moon, red, 0}, {fish, blue, 3}};
  CHECK(faulty(s, dice, always) == s.objects);
}

TEST_CASE("a caption grows by a lie only where its last thing draws a companion in", "[scenes][captions]") {
  int lies = 0, longer = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    candor::random_stream dice(6, i);
    const scene s = draw_scene(dice);
    const auto said = faulty(s, dice);
    REQUIRE(said.size() <= s.objects.size() + 1);
    const bool lie_at_end = s.find(said.back().kind) == nullptr;
    const bool last_named = std::find(said.begin(), said.end(), s.objects.back()) != said.end();
    CHECK((said.size() > s.objects.size()) <= (lie_at_end && last_named));
    for (const object& o : said) lies += s.find(o.kind) == nullptr ? 1 : 0;
    longer += said.size() > s.objects.size() ? 1 : 0;
  }
  REQUIRE(lies > 1000);
  CHECK(longer < lies);
}
