// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/data/forest.hpp>

#include "support/catch.hpp"
#include "support/random_forest.hpp"

#include <limits>

using candor::forest;
using candor::shape_error;
using candor_test::contains;

namespace {

/// A stem of an image and a word with two branches, one of which is scored.
forest small_forest() {
  forest f;
  f.segments = {{{candor::image_row(0), candor::image_row(1), 5}, -1, {{0, 2}}}, {{6, 7}, 0}, {{8}, 0}};
  f.cells = {{{1, {1.0f, 0.5f}}}};
  f.images = 1;
  f.feature_rows = 2;
  return f;
}

/// The message with which a changed forest is refused.
template <class Change>
std::string refusal(Change change) {
  forest f = small_forest();
  change(f);
  try {
    candor::check_forest(f);
  } catch (const shape_error& problem) {
    return problem.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("forests that hold together are accepted", "[data][forest]") {
  CHECK_NOTHROW(candor::check_forest(small_forest()));
  CHECK(small_forest().tokens() == 6);
  CHECK_NOTHROW(candor::check_forest(forest{}));
  candor::random_stream random(11, 0);
  for (int i = 0; i < 200; ++i) {
    candor_test::forest_style style;
    style.three_axes = i % 2 == 0;
    CHECK_NOTHROW(candor::check_forest(candor_test::random_forest(random, style)));
  }
}

TEST_CASE("forests that do not hold together are refused with the place", "[data][forest]") {
  CHECK_THAT(refusal([](forest& f) { f.segments[1].tokens.clear(); }), contains("segment 1 has no tokens"));
  CHECK_THAT(refusal([](forest& f) { f.segments[1].parent = 2; }), contains("segment 1 hangs on segment 2"));
  CHECK_THAT(refusal([](forest& f) { f.segments[1].parent = 1; }), contains("a parent must come before"));
  CHECK_THAT(refusal([](forest& f) { f.segments[1].parent = -2; }), contains("hangs on segment -2"));
  CHECK_THAT(refusal([](forest& f) {
               f.segments[1].positions = {0, 1, 2};
             }),
             contains("of 2 tokens has 3 positions"));
  CHECK_THAT(refusal([](forest& f) { f.feature_rows = 1; }), contains("segment 0 names feature row 1 of 1"));
  CHECK_THAT(refusal([](forest& f) { f.segments[0].two_way = {{0, 4}}; }), contains("two-way span 0 to 4"));
  CHECK_THAT(refusal([](forest& f) { f.segments[0].two_way = {{1, 1}}; }), contains("two-way span 1 to 1"));
  CHECK_THAT(refusal([](forest& f) {
               f.segments[0].two_way = {{0, 2}, {1, 3}};
             }),
             contains("must ascend and not overlap"));
  CHECK_THAT(refusal([](forest& f) { f.cells[0][0].segment = 3; }), contains("cell 0 scores segment 3 of 3"));
  CHECK_THAT(refusal([](forest& f) { f.cells[0][0].segment = -1; }),
             contains("cell 0 scores segment -1 of 3"));
  CHECK_THAT(refusal([](forest& f) { f.cells[0][0].weights = {1.0f}; }),
             contains("1 weights for 2 tokens of segment 1"));
  CHECK_THAT(refusal([](forest& f) {
               f.cells.push_back({{0, {}}});
             }),
             contains("cell 1 scores the first token of a root"));
  CHECK_THAT(refusal([](forest& f) {
               f.cells.push_back({{0, {0, 1, 0}}});
             }),
             contains("which is part of an image"));
  CHECK_THAT(refusal([](forest& f) {
               f.segments[1].two_way = {{0, 2}};
             }),
             contains("scores token 1 of segment 1, which the token before it sees"));
  CHECK_THAT(refusal([](forest& f) { f.cells[0][0].weights[1] = std::numeric_limits<float>::quiet_NaN(); }),
             contains("token 1 of segment 1 a weight that is not finite"));
  CHECK_THAT(refusal([](forest& f) {
               f.cells[0].push_back({2, {}});
             }),
             contains("segments 1 and 2, which are on no common path"));
}

TEST_CASE("tokens that the one before them does not see can be scored beside a two-way span",
          "[data][forest]") {
  forest f = small_forest();
  f.segments[1].two_way = {{0, 2}};
  f.cells[0][0].weights = {1.0f, 0.0f};  // the span's first token is predicted by the stem
  CHECK_NOTHROW(candor::check_forest(f));
  f.cells[0] = {{0, {0, 0, 1}}};  // the token behind an image is predicted by the image's last one
  CHECK_NOTHROW(candor::check_forest(f));
}
