// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <scenes/metrics.hpp>

using namespace scenes;

TEST_CASE("caption metrics by hand", "[scenes][metrics]") {
  std::vector<scene> truth(3);
  truth[0].objects = {{moon, red, 0}, {fish, blue, 3}, {tree, green, 7}};
  truth[1].objects = {{sun, white, 1}, {ball, red, 2}};
  truth[2].objects = {{kite, blue, 4}, {star, purple, 5}};
  const std::vector<std::string> said = {
      "The picture shows a red moon, a yellow star and a green tree.",  // star is a lie; 15 words and marks
      "The picture shows a yellow sun, a red ball and a red ball.",     // sun in a wrong colour, ball named
                                                                        // twice; 15
      "The picture shows a white cloud.",                               // a lie, nothing found; 7
  };
  const auto m = score_captions(truth, said);
  CHECK(m.mentions == 3 + 2 + 1);
  CHECK(m.hallucinated == 2);
  CHECK(m.mention_hallucination() == Approx(100.0 * 2 / 6));
  CHECK(m.response_hallucination() == Approx(100.0 * 2 / 3));
  CHECK(m.recall() == Approx(100.0 * 4 / 7));           // moon, tree, sun, ball of 3 + 2 + 2
  CHECK(m.colour_accuracy() == Approx(100.0 * 3 / 4));  // all but the sun
  CHECK(m.mean_words() == Approx((15 + 15 + 7) / 3.0));
  CHECK_THROWS_WITH(score_captions(truth, std::vector<std::string>(2)),
                    "there are 2 captions for 3 scenes; give one caption a scene");
}

TEST_CASE("empty and wordless captions divide nothing by zero", "[scenes][metrics]") {
  const auto none = score_captions({}, {});
  CHECK(none.mention_hallucination() == 0);
  CHECK(none.recall() == 0);
  std::vector<scene> one(1);
  one[0].objects = {{moon, red, 0}, {fish, blue, 3}};
  const auto silent = score_captions(one, std::vector<std::string>{""});
  CHECK(silent.mention_hallucination() == 0);
  CHECK(silent.response_hallucination() == 0);
  CHECK(silent.recall() == 0);
  CHECK(silent.objects == 2);
}

TEST_CASE("true captions score perfectly and the fault scores by its rate", "[scenes][metrics]") {
  const auto test = make_test_set(2000, 0, 41);
  std::vector<std::string> honest, lying;
  for (std::size_t i = 0; i < test.scenes.size(); ++i) {
    candor::random_stream dice(42, i);
    honest.push_back(caption(caption_style::detailed, test.scenes[i].objects));
    lying.push_back(caption(caption_style::brief, faulty(test.scenes[i], dice)));
  }
  const auto good = score_captions(test.scenes, honest);
  CHECK(good.mention_hallucination() == 0);
  CHECK(good.recall() == 100);
  CHECK(good.colour_accuracy() == 100);
  // A thing is a trigger half of the time, its companion absent about 8 times in 9 and named 71 % of the
  // time.
  const auto bad = score_captions(test.scenes, lying);
  CHECK(bad.mention_hallucination() > 20);
  CHECK(bad.mention_hallucination() < 30);
  CHECK(bad.recall() > 70);
  CHECK(bad.recall() < 85);
}

TEST_CASE("answers count by their first word", "[scenes][metrics]") {
  const std::vector<yes_no_question> asked = {{"Is there a sun?", true},
                                              {"Is there a moon?", false},
                                              {"Is there a star?", true},
                                              {"Is there a fish?", false},
                                              {"Is there a ball?", true}};
  CHECK(score_answers(asked, std::vector<std::string>{"Yes", "no.", "No", "", "A red ball"}) == Approx(40));
  CHECK(score_answers({}, {}) == 0);
  CHECK_THROWS_AS(score_answers(asked, std::vector<std::string>{"Yes"}), candor::usage_error);
}

TEST_CASE("the test set is 500 scenes with six questions each, always the same", "[scenes][metrics]") {
  const auto a = make_test_set();
  REQUIRE(a.scenes.size() == 500);
  REQUIRE(a.questions.size() == 500);
  REQUIRE(a.absent_companions.size() == 500);
  std::size_t yes = 0, companions = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    REQUIRE(a.questions[i].size() == 6);
    for (const auto& q : a.questions[i]) yes += q.truth ? 1 : 0;
    companions += a.absent_companions[i].size();
    CHECK(a.scenes[i].picture.rgb == draw_scene(held_out_seed, i).picture.rgb);
  }
  CHECK(yes > 1350);  // 1500 +- 5 standard deviations of 27
  CHECK(yes < 1650);
  CHECK(companions > 450);
  const auto b = make_test_set();
  CHECK(a.questions[499][5].text == b.questions[499][5].text);
  CHECK(a.scenes[499].objects == b.scenes[499].objects);
}
