// SPDX-License-Identifier: Apache-2.0
/// POPE: figures equal those of the benchmark's own scorer on 3,000 answers a setting.

#include "eval/eval_world.hpp"

#include <candor/eval/pope.hpp>

#include <array>

using namespace candor_test;

namespace {

/// The answer that golden/make_pope.py gives.
std::string made_answer(const json& question, const std::vector<json>& captions) {
  const auto text = [&](const char* key) { return question.at(key).get<std::string>(); };
  const std::uint64_t pick = hash_of(text("image") + text("text"));
  const auto caption = captions[pick % captions.size()].at("text").get<std::string>();
  if (pick / 7 % 3 != 0) return (text("label") == "yes" || pick / 11 % 3 == 0 ? "Yes, " : "No, ") + caption;
  const std::array<std::string, 16> forms = {"Yes, " + caption,
                                             "No, " + caption,
                                             "yes",
                                             "no",
                                             "Yes",
                                             "No.",
                                             caption,
                                             "Not that I can see. " + caption,
                                             "It is, yes. " + caption + ", no less.",
                                             "no, only " + caption,
                                             caption + ", and not that",
                                             " No",
                                             "nothing of that kind, " + caption,
                                             "NO",
                                             "",
                                             "It shows " + caption + ". No."};
  return forms[pick / 13 % forms.size()];
}

json question(int id, const char* label) { return {{"question_id", id}, {"text", "?"}, {"label", label}}; }
json pope_answer(int id, const char* text) { return {{"question_id", id}, {"text", text}}; }

}  // namespace

TEST_CASE("POPE's figures are those of its own scorer", "[eval][pope]") {
  const auto captions_file = shared_data("pope/captions_instructblip.json");
  if (captions_file.empty()) CANDOR_SKIP("needs pope/ of the optional real data");
  const auto captions = read_lines(captions_file);
  const json golden_figures = read_json(golden("eval/pope.json"));
  const scratch_folder folder;
  std::vector<candor::pope_setting> settings;
  for (const char* name : {"random", "popular"}) {
    const auto questions = shared_data(std::string("pope/coco_pope_") + name + ".json");
    std::vector<json> answers;
    for (const auto& q : read_lines(questions))
      answers.push_back({{"question_id", q.at("question_id")}, {"answer", made_answer(q, captions)}});
    std::swap(answers[3], answers[1000]);  // ids decide, not lines
    write_lines(folder / "answers.jsonl", answers);
    const auto setting = candor::score_pope(questions, folder / "answers.jsonl");
    const json& expected = golden_figures.at(name);
    const auto& c = setting.counts;
    CHECK(setting.name == name);
    CHECK(c.count() == expected.at("n"));
    CHECK(json{c.true_yes, c.false_yes, c.true_no, c.false_no} == expected.at("TP, FP, TN, FN"));
    CHECK(c.accuracy() == Approx(expected.at("Accuracy").get<double>()).epsilon(1e-12));
    CHECK(c.precision() == Approx(expected.at("Precision").get<double>()).epsilon(1e-12));
    CHECK(c.recall() == Approx(expected.at("Recall").get<double>()).epsilon(1e-12));
    CHECK(c.f1() == Approx(expected.at("F1 score").get<double>()).epsilon(1e-12));
    CHECK(c.yes_ratio() == Approx(expected.at("Yes ratio").get<double>()).epsilon(1e-12));
    settings.push_back(setting);
  }
  const auto table = candor::pope_figures(settings);
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[2].name == "mean");
  CHECK(table.rows[2].count == 6000);
  CHECK(table.rows[2].values[3] == Approx((table.rows[0].values[3] + table.rows[1].values[3]) / 2));
}

TEST_CASE("POPE reads an answer as its scorer does", "[eval][pope]") {
  for (const char* no : {"No", "no", "No, there is none.", "It is not", "no\tno, no", " not "})
    CHECK(candor::pope_says_no(no));
  for (const char* yes : {"", "Yes", "NO", "Not here", "nothing", "Yes. No", "none", "no\n"})
    CHECK_FALSE(candor::pope_says_no(yes));
}

TEST_CASE("Answers that do not fit the questions are refused or counted", "[eval][pope][bad]") {
  const scratch_folder folder;
  const auto questions = folder / "q_popular.jsonl", answers = folder / "a.jsonl";
  write_lines(questions, {question(1, "yes"), question(2, "no"), question(3, "no")});
  const auto refusal = [&](const std::vector<json>& lines) {
    write_lines(answers, lines);
    return thrown_by([&] { candor::score_pope(questions, answers); });
  };
  CHECK(refusal({pope_answer(1, "yes"), pope_answer(3, "no"), pope_answer(2, "no")}).empty());
  CHECK_THAT(refusal({pope_answer(1, "yes"), pope_answer(3, "no")}),
             contains("1 question of") && contains("without an answer, the first with the id 2") &&
                 contains("--partial"));
  CHECK_THAT(
      refusal({pope_answer(1, "yes"), pope_answer(3, "no"), pope_answer(2, "no"), pope_answer(3, "yes")}),
      contains("a.jsonl:4: the id 3 was answered already in") && contains("a.jsonl:2"));
  CHECK_THAT(refusal({pope_answer(1, "yes"), pope_answer(4, "no")}),
             contains("a.jsonl:2: the id 4 belongs to no"));
  CHECK_THAT(refusal({{{"question_id", 1}}}), contains("3: ") && contains("a.jsonl:1: no answer"));
  CHECK_THAT(refusal({pope_answer(1, "yes"), {{"text", "no"}}}), contains("a.jsonl:2: the record has no id"));
  CHECK_THAT(refusal({{{"text", "yes"}}, {{"text", "no"}}}), contains("2 answers without ids for the 3"));
  CHECK(refusal({{{"responses", {"yes"}}}, {{"responses", {"no"}}}, {{"responses", {"no"}}}}).empty());

  write_lines(answers,
              {pope_answer(1, "yes"), pope_answer(3, "yes"), pope_answer(3, "no"), pope_answer(9, "no")});
  const auto partial = candor::score_pope(questions, answers, {.partial = true});
  CHECK(partial.counts.true_yes == 1);
  CHECK(partial.counts.false_yes == 1);
  CHECK(partial.counts.count() == 2);
  CHECK(partial.join.remarks() ==
        "1 question without an answer, 1 answer to a question that has one already, 1 answer to no question");

  write_lines(questions, {question(1, "yes"), question(1, "no")});
  CHECK_THAT(refusal({pope_answer(1, "yes")}), contains("the id 1 appears twice"));
  write_lines(questions, {question(1, "maybe")});
  CHECK_THAT(refusal({pope_answer(1, "yes")}),
             contains("label: expected \"yes\" or \"no\", found \"maybe\""));
}

TEST_CASE("A setting that nobody answers shows zeros", "[eval][pope]") {
  const scratch_folder folder;
  write_lines(folder / "q.jsonl", {question(1, "yes")});
  write_lines(folder / "a.jsonl", {pope_answer(2, "yes")});
  const auto setting = candor::score_pope(folder / "q.jsonl", folder / "a.jsonl", {.partial = true});
  const auto figures = candor::pope_figures({setting});
  for (const double value : figures.rows.at(0).values) CHECK(value == 0.0);
  CHECK(json::parse(candor::figures_json(figures)) == json{{"title", "POPE, %"},
                                                           {"rows",
                                                            {{"q",
                                                              {{"n", 0},
                                                               {"accuracy", 0.0},
                                                               {"precision", 0.0},
                                                               {"recall", 0.0},
                                                               {"F1", 0.0},
                                                               {"yes", 0.0}}}}}});
}
