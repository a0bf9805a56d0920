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

TEST_CASE("evaluate chair and halbench count objects against a truth", "[eval][program][chair]") {
  const scratch_folder folder;
  candor::write_atomically(folder / "synonyms.txt", "person, man\ndog, puppy\ncar\n");
  write_lines(folder / "truth.jsonl",
              {{{"image_id", 1}, {"objects", {"person"}}}, {{"image_id", 2}, {"objects", {"dog", "car"}}}});
  write_lines(folder / "answers.jsonl", {{{"image_id", 1}, {"caption", "a man with two dogs and a puppy"}},
                                         {{"image_id", 2}, {"caption", "a dog in a car"}}});
  const auto evaluate = [&](const char* benchmark, std::vector<std::string> more = {}) {
    std::vector<std::string> line{benchmark,
                                  "--answers",
                                  folder / "answers.jsonl",
                                  "--synonyms",
                                  folder / "synonyms.txt",
                                  "--output",
                                  folder / "figures.json"};
    line.insert(line.end(), more.begin(), more.end());
    return run_program("evaluate", line);
  };
  const std::vector<std::string> truth{"--truth", folder / "truth.jsonl", "--details",
                                       folder / "details.jsonl"};
  REQUIRE(evaluate("chair", truth).code == 0);
  const json classic = read_json(folder / "figures.json").at(0).at("rows").at("classic");
  CHECK(classic.at("CHAIRs") == 50.0);
  CHECK(classic.at("CHAIRi") == 40.0);
  CHECK(read_lines(folder / "details.jsonl").at(0).at("mscoco_hallucinated_words").size() == 2);
  REQUIRE(evaluate("halbench", truth).code == 0);
  CHECK(read_json(folder / "figures.json").at(0).at("rows").at("objects by rule").at("mention hall.") ==
        40.0);

  write_lines(folder / "answers.jsonl",
              {{{"image_id", 1}, {"answer", "a man with two dogs"}, {"extract_objs", {"man", "big dogs"}}},
               {{"image_id", 2}, {"answer", "a dog in a car"}, {"extract_objs", {"car"}}}});
  REQUIRE(evaluate("halbench", truth).code == 0);
  const json judged = read_json(folder / "figures.json").at(0).at("rows").at("judge's objects");
  CHECK(judged.at("mention hall.").get<double>() == Approx(100.0 / 3));
  CHECK(judged.at("response hall.") == 50.0);

  CHECK(evaluate("chair").code == 2);
  CHECK(evaluate("chair", {"--truth", "t", "--annotations", "a"}).code == 2);
  write_lines(folder / "answers.jsonl", {{{"image_id", 3}, {"caption", "a man"}}});
  const auto unknown = evaluate("chair", truth);
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.err, contains("the id 3 belongs to no question of") && contains("truth.jsonl"));
  write_lines(folder / "answers.jsonl", {{{"caption", "a man"}}});
  CHECK_THAT(evaluate("chair", truth).err, contains("answers.jsonl:1: the key image_id is missing"));

  // What `generate` writes, with the file that it was asked.
  auto asked = truth;
  asked.insert(asked.end(), {"--questions", folder / "questions.jsonl"});
  write_lines(folder / "answers.jsonl", {{{"responses", {"a car"}}}, {{"responses", {"a dog in a car"}}}});
  write_lines(folder / "questions.jsonl", {{{"image_id", 1}}, {{"image_id", 2}}});
  REQUIRE(evaluate("chair", asked).code == 0);
  CHECK(read_json(folder / "figures.json").at(0).at("rows").at("classic").at("CHAIRs") == 50.0);
  write_lines(folder / "questions.jsonl", {{{"image_id", 1}}});
  CHECK_THAT(evaluate("chair", asked).err, contains("has 1 records for 2 answers"));
  write_lines(folder / "questions.jsonl", {{{"image_id", 1}}, {{"image", "b.jpg"}}});
  CHECK_THAT(evaluate("chair", asked).err, contains("questions.jsonl:2: the key \"image_id\" is missing"));
  write_lines(folder / "answers.jsonl", {{{"image_id", 1}, {"caption", "a man"}}});
  CHECK_THAT(evaluate("chair", asked).err, contains("has an id of its own"));
}

TEST_CASE("evaluate teaches its options and refuses bad ones", "[eval][program][bad]") {
  const auto help = run_program("evaluate", {"--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, contains("Example:") && contains("Exit codes: 0 done, 2 bad option"));
  for (const char* benchmark : {"pope", "chair", "halbench", "amber", "mmhal", "refomb", "llava-bench",
                                "deceptive", "agreement", "pairwise"}) {
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
