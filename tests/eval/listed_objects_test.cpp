// SPDX-License-Identifier: Apache-2.0
/// Object HalBench with a judge that lists the objects of answers.

#include "eval/eval_world.hpp"
#include "feedback/http_server.hpp"
#include "support/program.hpp"

#include <candor/eval/judge_prompts.hpp>
#include <candor/feedback/http.hpp>

#include <atomic>

using namespace candor_test;

namespace {

std::string objects_reply(const std::string& content) {
  return http_answer(json{{"choices", {{{"message", {{"content", content}}}}}}}.dump());
}

}  // namespace

TEST_CASE("objects in a judge's reply are its JSON list", "[eval][judged]") {
  using names = std::vector<std::string>;
  CHECK(candor::objects_in_reply(R"(["dog", "red car"])") == names{"dog", "red car"});
  CHECK(candor::objects_in_reply("Here:\n```json\n[\n \"dog\"\n]\n```\n") == names{"dog"});
  CHECK(candor::objects_in_reply("[]") == names{});
  for (const char* unreadable : {"", "dog, car", "[dog]", "[1, 2]", "] [", R"(["dog")"})
    CHECK_FALSE(candor::objects_in_reply(unreadable));

  const scratch_folder folder;
  const auto own = candor::objects_prompt()("What is {answer}?", "A dog.");
  CHECK_THAT(own, contains("### Question\nWhat is {answer}?\n\n### Answer\nA dog.\n"));
  candor::write_atomically(folder / "prompt.txt", "<image> {question}|{answer}|{context}");
  CHECK(candor::objects_prompt(folder / "prompt.txt")("Q", "A") == "<image> Q|A|{context}");
  candor::write_atomically(folder / "prompt.txt", "{question}");
  CHECK_THAT(thrown_by([&] { candor::objects_prompt(folder / "prompt.txt"); }),
             contains("does not show the answer"));
}

TEST_CASE("evaluate halbench asks a judge for the objects of answers", "[eval][judged][chair][program]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const scratch_folder folder;
  const auto answers = folder / "answers.jsonl", truth = folder / "truth.jsonl";
  const auto objects = folder / "objects.jsonl", prompt = folder / "prompt.txt";
  candor::write_atomically(folder / "synonyms.txt", "person, man\ndog, puppy\ncar\n");
  write_lines(folder / "truth.jsonl", {{{"image_id", 1}, {"objects", {"person"}}},
                                       {{"image_id", 2}, {"objects", {"dog", "car"}}},
                                       {{"image_id", 3}, {"objects", {"dog"}}},
                                       {{"image_id", 4}, {"objects", {"dog"}}}});
  // A judge sees that the man only dreams of a dog; rules do not.
  write_lines(answers, {{{"image_id", 1}, {"question", "Q1"}, {"answer", "a man who dreams of a dog"}},
                        {{"image_id", 2}, {"question", "Q2"}, {"answer", "a dog in a car, says one"}},
                        {{"image_id", 3}, {"question", "Q3"}, {"answer", "a car"}},
                        {{"image_id", 4}, {"question", "Q4"}, {"answer", "a puppy runs after a car"}}});
  std::atomic<int> asked_in_own_words = 0;
  const http_server server([&](int, const http_seen& request) {
    const auto text = json::parse(request.body)["messages"][0]["content"].back()["text"].get<std::string>();
    if (text.starts_with("LIST ")) ++asked_in_own_words;
    if (text.find("Q1") != text.npos) return objects_reply("```json\n[\"man\"]\n```");
    if (text.find("Q2") != text.npos) return objects_reply(R"(["dog", "car"])");
    return objects_reply("There are several objects.");
  });
  const std::vector<std::string> files{"--synonyms", folder / "synonyms.txt", "--truth", truth,
                                       "--output",   folder / "figures.json"};
  const auto run = [&](const std::filesystem::path& scored, std::vector<std::string> more) {
    std::vector<std::string> line{"halbench", "--answers", scored};
    line.insert(line.end(), files.begin(), files.end());
    line.insert(line.end(), more.begin(), more.end());
    return run_program("evaluate", line);
  };
  const std::vector<std::string> judge{"--judge", server.url(), "--judge-model", "m", "--objects", objects};
  const auto end = run(answers, judge);
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK(server.requests() == 3);  // two words are not asked about
  CHECK_THAT(end.err, contains("3 of 3 lists of objects asked of m now") && contains("in candor's words") &&
                          contains("1 of 4 answers have no judge's list"));
  // man, dog and car are there; of the puppy and the car that rules find in the last answer the car is not.
  const json row = read_json(folder / "figures.json").at(0).at("rows").at("judge's objects");
  CHECK(row.at("mention hall.") == 20.0);
  CHECK(row.at("with objects") == 3.0);
  const auto lines = read_lines(objects);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == json::parse(R"({"image_id": "1", "question": "Q1", "text": "a man who dreams of a dog",
                                    "extract_objs": ["man"]})"));
  CHECK(lines[2].at("extract_objs").empty());
  CHECK_FALSE(lines[3].contains("extract_objs"));

  // The lists alone give the same figures; by rule the dream counts; a second run asks nothing.
  CHECK(run(objects, {}).out == end.out);
  REQUIRE(run(answers, {}).code == 0);
  CHECK(read_json(folder / "figures.json").at(0).at("rows").at("objects by rule").at("mention hall.") ==
        Approx(100.0 / 3));
  REQUIRE(run(answers, judge).code == 0);
  CHECK(server.requests() == 3);
  candor::write_atomically(prompt, "LIST {question} {answer}");
  auto worded = judge;
  worded.insert(worded.end(), {"--judge-prompt", prompt});
  CHECK_THAT(run(answers, worded).err, !contains("in candor's words"));
  CHECK(asked_in_own_words == 3);

  CHECK_THAT(run(objects, judge).err, contains("has a judge's lists (extract_objs) already"));
  CHECK(run(answers, {"--objects", objects}).code == 2);
  CHECK(run(answers, {"--judge", server.url(), "--judge-model", "m"}).code == 2);
}
