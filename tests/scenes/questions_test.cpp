// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <scenes/claims.hpp>
#include <scenes/questions.hpp>

#include <cmath>

using namespace scenes;

namespace {

/// What a yes/no question claims, read back from its text.
bool holds(const scene& s, const std::string& text) {
  const auto claim = read_caption(text).mentions.at(0);
  const object* o = s.find(claim.kind);
  return o != nullptr && (claim.colour < 0 || claim.colour == o->colour) &&
         (claim.cell < 0 || claim.cell == o->cell);
}

}  // namespace

TEST_CASE("questions have their fixed wording", "[scenes][questions]") {
  CHECK(is_there(sun) == "Is there a sun?");
  CHECK(is_there(sun, red) == "Is there a red sun?");
  CHECK(is_there(sun, red, 0) == "Is there a red sun at the top left?");
  CHECK(is_there(sun, red, 4) == "Is there a red sun in the middle?");
}

TEST_CASE("yes/no questions are truthful, balanced and of three lengths", "[scenes][questions]") {
  int yes = 0, coloured = 0, placed = 0, companions = 0, with_companion = 0, near_misses = 0;
  constexpr int n = 20000;
  for (std::uint64_t i = 0; i < n; ++i) {
    candor::random_stream dice(21, i);
    const scene s = draw_scene(dice);
    const auto q = ask_yes_no(s, dice);
    REQUIRE(holds(s, q.text) == q.truth);
    CHECK(q.answer() == (q.truth ? "Yes" : "No"));
    const auto claim = read_caption(q.text).mentions.at(0);
    yes += q.truth ? 1 : 0;
    coloured += claim.colour >= 0 ? 1 : 0;
    placed += claim.cell >= 0 ? 1 : 0;
    if (q.truth) continue;
    if (s.find(claim.kind) != nullptr) ++near_misses;
    const auto absent = absent_companions(s);
    if (absent.empty()) continue;
    ++with_companion;
    companions += std::count(absent.begin(), absent.end(), claim.kind) > 0 ? 1 : 0;
  }
  const auto near = [](int count, double trials, double p) {
    return std::abs(count - trials * p) < 4.5 * std::sqrt(trials * p * (1 - p));
  };
  CHECK(near(yes, n, 0.5));
  CHECK(near(coloured, n, 2.0 / 3));
  CHECK(near(placed, n, 1.0 / 3));
  CHECK(near(near_misses, n - yes, 0.4 * 2 / 3));
  // 35 %, and by chance among the 7 or 8 absent kinds: 25 % (and 40 % of a third) of the time, 1 or 2 of
  // them.
  const double share = double(companions) / with_companion;
  CHECK(share > 0.35 + 0.38 / 8 - 0.02);
  CHECK(share < 0.35 + 0.39 * 2 / 7);
}

TEST_CASE("open questions have the answer that the scene gives", "[scenes][questions]") {
  int where = 0, nothing = 0;
  constexpr int n = 5000;
  for (std::uint64_t i = 0; i < n; ++i) {
    candor::random_stream dice(22, i);
    const scene s = draw_scene(dice);
    const auto q = ask_open(s, dice);
    if (q.text.starts_with("Where is the ")) {
      ++where;
      const int kind = read_caption(q.text).mentions.at(0).kind;
      REQUIRE(q.answer == capitalised(place(s.find(kind)->cell)));
    } else {
      REQUIRE(q.text.starts_with("What is "));
      const int cell = detail::read_cell(words(q.text));
      REQUIRE(cell >= 0);
      const object* o = s.at(cell);
      REQUIRE(q.answer == (o == nullptr ? "Nothing" : capitalised(phrase(o->kind, o->colour))));
      nothing += o == nullptr ? 1 : 0;
    }
  }
  CHECK(where == Approx(0.3 * n).margin(4.5 * std::sqrt(0.21 * n)));
  // A quarter of the places is drawn freely; 6.5 of 9 cells are empty on average.
  const double p = 0.25 * 6.5 / 9;
  CHECK(nothing == Approx(p * (n - where)).margin(4.5 * std::sqrt(p * (1 - p) * n)));
}

TEST_CASE("absent companions are asked about by kind", "[scenes][questions]") {
  scene s;
  s.objects = {{moon, red, 0}, {boat, blue, 3}, {fish, white, 4}};
  const auto asked = ask_absent_companions(s);
  REQUIRE(asked.size() == 1);  // the boat's fish is there
  CHECK(asked[0].text == "Is there a star?");
  CHECK_FALSE(asked[0].truth);
}
