// SPDX-License-Identifier: Apache-2.0
/// The program `evaluate`: tables, files of figures, help, and what it refuses.

#include "eval/eval_world.hpp"
#include "support/program.hpp"

using namespace candor_test;

TEST_CASE("evaluate prints a table and writes the figures", "[eval][program]") {
  const scratch_folder folder;
  const auto questions = folder / "coco_pope_random.json", answers = folder / "answers.jsonl";
  write_lines(questions, {{{"question_id", 1}, {"text", "?"}, {"label", "yes"}},
                          {{"question_id", 2}, {"text", "?"}, {"label", "no"}}});
  write_lines(answers, {{{"responses", {"Yes.", "No."}}}, {{"responses", {"Yes."}}}});
  const auto end = run_program("evaluate", {"pope", "--questions", questions, "--answers", answers,
                                            "--output", folder / "figures.json"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK(end.err.empty());
  CHECK_THAT(end.out, contains("random   2     50.00      50.00  100.00  66.67  100.00"));
  const json figures = read_json(folder / "figures.json");
  CHECK(figures.at(0).at("rows").at("random").at("recall") == 100.0);

  write_lines(answers, {{{"question_id", 1}, {"text", "Yes"}}});
  const std::vector<std::string> line{"pope",     "--questions",        questions, "--answers", answers,
                                      "--output", folder / "other.json"};
  const auto refused = run_program("evaluate", line);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, contains("evaluate: ") && contains("1 question of"));
  CHECK_FALSE(std::filesystem::exists(folder / "other.json"));
  auto partial = line;
  partial.push_back("--partial");
  const auto counted = run_program("evaluate", partial);
  CHECK(counted.code == 0);
  CHECK_THAT(counted.err, contains("note: random: 1 question without an answer"));
  CHECK(std::filesystem::exists(folder / "other.json"));
}

TEST_CASE("evaluate teaches its options and refuses bad ones", "[eval][program][bad]") {
  const auto help = run_program("evaluate", {"--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, contains("Example:") && contains("Exit codes: 0 done, 2 bad option"));
  for (const char* benchmark : {"pope"}) {
    CHECK_THAT(help.out, contains(std::string("\n  ") + benchmark));
    const auto own = run_program("evaluate", {benchmark, "--help"});
    CHECK(own.code == 0);
    CHECK_THAT(own.out, contains(std::string("Example:\n  evaluate ") + benchmark));
  }
  CHECK(run_program("evaluate", {}).code == 2);
  CHECK(run_program("evaluate", {"pop"}).code == 2);
  CHECK(run_program("evaluate", {"pope", "--questions", "q.jsonl"}).code == 2);
  CHECK(run_program("evaluate", {"pope", "--questions", "q", "r", "--answers", "a"}).code == 2);
  const auto absent = run_program("evaluate", {"pope", "--questions", "/nowhere/q", "--answers", "a"});
  CHECK(absent.code == 5);
  CHECK_THAT(absent.err, contains("/nowhere/q"));
}
