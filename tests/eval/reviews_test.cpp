// SPDX-License-Identifier: Apache-2.0
/// Benchmarks that a judge decides: ratings and figures equal those of RLAIF-V's programs; agreement of
/// raters.

#include "eval/eval_world.hpp"
#include "support/program.hpp"

#include <candor/eval/reviews.hpp>

using namespace candor_test;

namespace {

std::vector<candor::judge_review> reviews_of(const json& records) {
  const scratch_folder folder;
  candor::write_atomically(folder / "reviews.json", records.dump());
  return candor::read_reviews(folder / "reviews.json");
}

}  // namespace

TEST_CASE("MMHal-Bench's ratings are added up as by RLAIF-V's program", "[eval][reviews]") {
  const json expected = read_json(golden("eval/reviews.json")).at("mmhal");
  const auto judged = candor::mmhal_figures(reviews_of(expected.at("responses")));
  const auto& rows = judged.figures.rows;
  REQUIRE(rows.size() == 9);
  const auto rounds_to = [](double value, const json& printed) {  // the original prints two digits
    CHECK(std::abs(value - printed.get<double>()) <= 0.00500001);
  };
  rounds_to(rows[0].values[0], expected.at("score"));
  rounds_to(rows[0].values[1], expected.at("rate"));
  CHECK(rows[0].values[2] == Approx(expected.at("informativeness").get<double>()));
  for (std::size_t t = 0; t < 8; ++t) {
    rounds_to(rows[t + 1].values[0], expected.at("types")[t]);
    CHECK(rows[t + 1].count == 12);
  }
  CHECK(judged.unparsed > 0);
}

TEST_CASE("RefoMB's verdicts are added up as by RLAIF-V's program", "[eval][reviews]") {
  const json expected = read_json(golden("eval/reviews.json")).at("refomb");
  const auto reviews = reviews_of(expected.at("reviews"));
  for (std::size_t i = 0; i < reviews.size(); ++i)
    CHECK(candor::refomb_verdict(reviews[i].text) == expected.at("scores")[i].get<int>());
  const auto figures = candor::refomb_figures(reviews).figures;
  CHECK(figures.rows.at(0).values[0] == Approx(expected.at("score").get<double>()));
  REQUIRE(figures.rows.size() == 4);
  CHECK(figures.rows[1].name == "type x");
  CHECK(figures.rows[1].count == 33);
}

TEST_CASE("LLaVA-Bench's scores are read and summarised as by LLaVA's programs", "[eval][reviews]") {
  const json expected = read_json(golden("eval/reviews.json")).at("llava_bench");
  const auto& stored = expected.at("reviews");
  const auto reviews = reviews_of(stored);
  REQUIRE(reviews.size() == 90);
  for (std::size_t i = 0; i < reviews.size(); ++i) {
    INFO(reviews[i].text);
    const auto scores = candor::llava_bench_scores(reviews[i].text).value_or(std::pair(-1.0, -1.0));
    CHECK(json{scores.first, scores.second} == stored[i].at("tuple"));
  }
  const auto judged = candor::llava_bench_figures(reviews);
  CHECK(judged.unparsed > 20);
  CHECK(judged.unparsed < 70);
  REQUIRE(judged.figures.rows.size() == 4);
  for (const auto& row : judged.figures.rows) {
    INFO(row.name);
    const json& of = expected.at("rows").at(row.name);
    CHECK(row.values[1] == Approx(of.at("means")[0].get<double>()).epsilon(1e-12));
    CHECK(row.values[2] == Approx(of.at("means")[1].get<double>()).epsilon(1e-12));
    // It prints one digit of means with three, the scores ten times.
    CHECK(std::abs(row.values[0] - of.at("printed")[0].get<double>()) <= 0.07);
    CHECK(std::abs(10 * row.values[1] - of.at("printed")[1].get<double>()) <= 0.06);
    CHECK(std::abs(10 * row.values[2] - of.at("printed")[2].get<double>()) <= 0.06);
  }
}

TEST_CASE("Ratings are parsed as the benchmarks parse them", "[eval][reviews]") {
  CHECK(candor::mmhal_rating("... Rating: 5") == 5);
  CHECK(candor::mmhal_rating("rating: 3 RATING: 3") == 3);
  CHECK_FALSE(candor::mmhal_rating("rating: 3, no, rating: 4"));
  CHECK_FALSE(candor::mmhal_rating("rating 3"));
  CHECK_FALSE(candor::mmhal_rating("rating: 7"));
  CHECK_FALSE(candor::refomb_verdict("[A]"));
  using scores = std::pair<double, double>;
  CHECK(candor::llava_bench_scores("8 7.5\nbecause") == scores{8, 7.5});
  CHECK(candor::llava_bench_scores("8,7") == scores{8, 7});
  CHECK_FALSE(candor::llava_bench_scores("8, 7"));  // as LLaVA's program, which splits at each blank
  CHECK_FALSE(candor::llava_bench_scores("8"));
  CHECK_FALSE(candor::llava_bench_scores("score 8 7"));
  CHECK_FALSE(candor::llava_bench_scores("8 x"));
  CHECK(candor::deceived_verdict("Yes, it goes along.") == true);
  CHECK(candor::deceived_verdict("I say: NO.") == false);
  CHECK_FALSE(candor::deceived_verdict("Nothing of the kind"));
  CHECK(candor::deceived_verdict("Incorrect. No sky is there.") == true);  // as MAD-Bench's judge answers
  CHECK(candor::deceived_verdict(" Correct, no sky.") == false);
  CHECK(candor::deceived_verdict("The answer is incorrect. No.") == true);
  CHECK(candor::deceived_verdict("The answer is correct. Yes.") == false);
}

TEST_CASE("LLaVA-Bench and deceptive prompts have figures by category", "[eval][reviews]") {
  const auto reviews = reviews_of({{{"question_id", 1}, {"category", "conv"}, {"content", "8 6\nok"}},
                                   {{"question_id", 2}, {"category", "conv"}, {"content", "10 9"}},
                                   {{"question_id", 3}, {"category", "detail"}, {"content", "5 5"}},
                                   {{"question_id", 4}, {"category", "detail"}, {"content", "both good"}}});
  const auto judged = candor::llava_bench_figures(reviews);
  CHECK(judged.unparsed == 1);
  CHECK_THAT(judged.first_unparsed, contains("[3]"));
  REQUIRE(judged.figures.rows.size() == 3);
  CHECK(judged.figures.rows[0].values[0] == Approx(100.0 * 20 / 23));
  CHECK(judged.figures.rows[1].values[0] == Approx(100.0 * 15 / 18));
  CHECK(judged.figures.rows[2].values[0] == 100.0);

  const auto deceptive = candor::deceptive_figures(reviews_of({{{"type", "count"}, {"review", "no"}},
                                                               {{"type", "count"}, {"review", "Yes"}},
                                                               {{"type", "object"}, {"review", "No."}}}));
  CHECK(deceptive.figures.rows[0].values[0] == Approx(200.0 / 3));
  CHECK(deceptive.figures.rows[1].values[0] == 50.0);
}

TEST_CASE("Agreement has Cohen's kappa", "[eval][reviews]") {
  // Twenty yes/yes, five yes/no, ten no/yes, fifteen no/no: kappa 0.4.
  std::vector<candor::label_pair> labels;
  const auto add = [&](int n, const char* a, const char* b) {
    for (int i = 0; i < n; ++i) labels.push_back({a, b});
  };
  add(20, "yes", "yes");
  add(5, "yes", "no");
  add(10, "no", "yes");
  add(15, "no", "no");
  const auto figures = candor::agreement_figures(labels);
  CHECK(figures.rows[0].values[0] == Approx(70.0));
  CHECK(figures.rows[0].values[1] == Approx(0.4));
  CHECK(figures.rows[1].name == "no");
  CHECK(figures.rows[1].values[1] == Approx(0.4));
  CHECK(figures.rows[1].values[2] == Approx(60.0));
  CHECK(figures.rows[1].values[3] == Approx(75.0));
  CHECK(
      candor::agreement_figures(std::vector<candor::label_pair>{{"a", "a"}, {"a", "a"}}).rows[0].values[1] ==
      1.0);
  CHECK(candor::agreement_figures({}).rows[0].values[1] == 0.0);
}

TEST_CASE("evaluate reads reviews and labels, and says what it could not", "[eval][reviews][program]") {
  const scratch_folder folder;
  const auto reviews = folder / "reviews.jsonl";
  const auto run = [&](std::vector<std::string> line) { return run_program("evaluate", line); };
  write_lines(reviews, {{{"review", "[[B]]"}}, {{"review", "hm"}}, {{"review", "[[A]]"}}});
  const auto refomb = run({"refomb", "--reviews", reviews, reviews});
  CHECK(refomb.code == 0);
  CHECK_THAT(refomb.out, contains("mean of 2 runs") && contains("0.500"));
  CHECK_THAT(refomb.err,
             contains("1 of 3 reviews hold no rating, the first in") && contains("reviews.jsonl:2"));
  const auto mmhal = run({"mmhal", "--reviews", reviews});
  CHECK(mmhal.code == 3);
  CHECK_THAT(mmhal.err, contains("has 3 reviews; the benchmark has 96 questions"));
  CHECK_THAT(run({"mmhal", "--partial", "--reviews", reviews}).err,
             contains("no review of this file holds a rating"));
  write_lines(reviews, {{{"other", "x"}}});
  CHECK_THAT(run({"llava-bench", "--reviews", reviews}).err,
             contains("reviews.jsonl:1: no review: expected choices"));
  write_lines(reviews, {{{"choices", json::array()}}});
  CHECK_THAT(run({"deceptive", "--reviews", reviews}).err, contains("choices: an empty list"));

  write_lines(folder / "judge.jsonl", {{{"id", 2}, {"label", "Yes "}}, {{"id", 1}, {"label", "no"}}});
  write_lines(folder / "people.jsonl", {{{"id", 1}, {"verdict", "no"}}, {{"id", 2}, {"verdict", "yes"}}});
  const auto agreement =
      run({"agreement", "--labels", folder / "judge.jsonl", "--truth", folder / "people.jsonl"});
  INFO(agreement.err);
  CHECK(agreement.code == 0);
  CHECK_THAT(agreement.out, contains("100.00  1.000"));
  write_lines(folder / "judge.jsonl", {{{"id", 3}, {"label", "yes"}}});
  CHECK(run({"agreement", "--labels", folder / "judge.jsonl", "--truth", folder / "people.jsonl"}).code == 3);
}
