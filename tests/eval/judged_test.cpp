// SPDX-License-Identifier: Apache-2.0
/// Benchmarks with a judge at hand: questions in the benchmarks' own files, prompts, reviews that a server
/// writes, and their join by id.

#include "eval/eval_world.hpp"
#include "feedback/http_server.hpp"
#include "support/program.hpp"

#include <candor/eval/judge_prompts.hpp>
#include <candor/feedback/http.hpp>
#include <candor/image/write_png.hpp>

#include <cstdlib>
#include <mutex>
#include <set>

using namespace candor_test;
using candor::judged_benchmark;

namespace {

/// The files of a benchmark of a few questions, in its own form.
struct benchmark_files {
  scratch_folder folder;
  std::filesystem::path questions = folder / "questions.jsonl", answers = folder / "answers.jsonl",
                        reviews = folder / "reviews.jsonl";
};

void write_mmhal(const benchmark_files& w, int count = 96) {
  const char* types[] = {"attribute", "adversarial", "comparison", "counting",
                         "relation",  "environment", "holistic",   "other"};
  json questions = json::array();
  std::vector<json> answers;
  for (int i = 0; i < count; ++i) {
    const std::string id = "image" + std::to_string(i);
    questions.push_back({{"image_id", id},
                         {"question_type", types[i % 8]},
                         {"image_content", {"Cat", "Dog"}},
                         {"question", "Question " + std::to_string(i) + "?"},
                         {"gt_answer", "Truth " + std::to_string(i) + "."}});
    answers.insert(answers.begin(), json{{"image_id", id}, {"answer", "Answer " + std::to_string(i) + "."}});
  }
  candor::write_atomically(w.questions, questions.dump());
  write_lines(w.answers, answers);  // in the other order: they are joined by id
}

/// The number behind a word of a prompt.
int number_after(const std::string& text, const std::string& word) {
  const auto at = text.rfind(word);
  return at == text.npos ? -1 : std::atoi(text.c_str() + at + word.size());
}

std::string reply(const std::string& content) {
  return http_answer(
      json{{"choices", {{{"message", {{"content", content}}}, {"finish_reason", "stop"}}}}}.dump());
}

}  // namespace

TEST_CASE("questions of judged benchmarks are read in the benchmarks' own forms", "[eval][judged]") {
  const benchmark_files w;
  write_lines(
      w.questions,
      {{{"id", 0}, {"question", "Why?"}, {"description", "A cat."}, {"answer", "So."}, {"type", "OCR"}}});
  const auto refomb = candor::read_judged_questions(judged_benchmark::refomb, {.questions = w.questions});
  REQUIRE(refomb.size() == 1);
  CHECK(refomb[0].id == "0");
  CHECK(refomb[0].category == "OCR");
  CHECK(refomb[0].context == "A cat.");
  CHECK(refomb[0].reference == "So.");
  write_lines(w.answers, {{{"id", 1}, {"text", "No."}}, {{"id", 0}, {"text", "Because."}}});
  CHECK(candor::read_judged_questions(judged_benchmark::refomb,
                                      {.questions = w.questions, .references = w.answers})[0]
            .reference == "Because.");

  write_lines(w.questions,
              {{{"question_id", 7}, {"image", "1.jpg"}, {"text", "What?"}, {"category", "conv"}}});
  const auto boxes = w.folder / "boxes.jsonl", references = w.folder / "references.jsonl";
  write_lines(boxes, {{{"image", "1.jpg"},
                       {"captions", {"A cup.", "A table."}},
                       {"instances", {{{"category", "cup"}, {"bbox", {0.0, 0.584, 0.5, 1.0}}}}}}});
  write_lines(references, {{{"question_id", 7}, {"text", "A cup."}, {"category", "conv"}}});
  const candor::question_files files{w.questions, boxes, references};
  const auto llava = candor::read_judged_questions(judged_benchmark::llava_bench, files);
  REQUIRE(llava.size() == 1);
  CHECK(llava[0].context == "A cup.\nA table.\n\ncup: [0.0, 0.584, 0.5, 1.0]");
  const auto prompt = candor::judge_prompt(judged_benchmark::llava_bench)(llava[0], "A mug.");
  CHECK_THAT(prompt,
             contains("[Context]\nA cup.\nA table.\n\ncup: [0.0, 0.584, 0.5, 1.0]\n\n[Question]\nWhat?\n\n"
                      "[Assistant 1]\nA cup.\n\n[End of Assistant 1]\n\n"
                      "[Assistant 2]\nA mug.\n\n[End of Assistant 2]\n\n[System]\n"));
  // LLaVA-Bench's own rules by category.
  candor::write_atomically(
      w.folder / "rule.json",
      R"({"coding": {"prompt": "Code."}, "conv": {"role": "Assistant", "prompt": "Rate!"}})");
  const candor::judge_prompt ruled(judged_benchmark::llava_bench, w.folder / "rule.json");
  CHECK(ruled(llava[0], "x").ends_with("[System]\nRate!\n\n"));
  auto other = llava[0];
  other.category = "detail";
  CHECK_THAT(thrown_by([&] { ruled(other, "x"); }), contains("no prompt for the category detail"));

  write_lines(w.questions, {{{"id", 1}, {"question", "a"}}, {{"id", 1}, {"question", "b"}}});
  CHECK_THAT(
      thrown_by([&] { candor::read_judged_questions(judged_benchmark::mmhal, {.questions = w.questions}); }),
      contains("questions.jsonl:2: the id 1 is that of"));
  write_lines(w.questions, {{{"id", 1}}});
  CHECK_THAT(
      thrown_by([&] { candor::read_judged_questions(judged_benchmark::mmhal, {.questions = w.questions}); }),
      contains("no question"));
}

TEST_CASE("a judge's prompt is candor's, instructions of one's own, or a whole template", "[eval][judged]") {
  const scratch_folder folder;
  const auto file = folder / "prompt.txt";
  const candor::judged_question q{"1", "other", "Where {answer}?", "Cat, Dog", "There.", "q:1"};
  const auto with = [&](const std::string& text) {
    candor::write_atomically(file, text);
    return candor::judge_prompt(judged_benchmark::mmhal, file)(q, "Here {}.");
  };
  // A mark within a question or an answer stays what it is.
  CHECK(with("{answer}|{reference}|{question}|{context}") == "Here {}.|There.|Where {answer}?|Cat, Dog");
  CHECK(with("a {} b {} c {} d {}") == "a Cat, Dog b Where {answer}? c There. d Here {}.");
  CHECK(with("Judge.").starts_with("Judge.\n\n### Image Contents\nCat, Dog\n"));
  CHECK_THAT(thrown_by([&] { with("{} and {}"); }), contains("has 2 times {}; expected four"));
  CHECK_THAT(thrown_by([&] { with(" \n"); }), contains("is empty"));
  for (const auto benchmark : {judged_benchmark::mmhal, judged_benchmark::refomb,
                               judged_benchmark::llava_bench, judged_benchmark::deceptive}) {
    const auto prompt = candor::judge_prompt(benchmark)(q, "Here.");
    CHECK_THAT(prompt, contains(q.question) && contains("Here."));
    if (benchmark == judged_benchmark::deceptive) continue;
    CHECK_THAT(prompt, contains(q.context) && contains(q.reference));
    auto bare = q;
    bare.reference.clear();
    CHECK_THAT(thrown_by([&] { (void)candor::judge_prompt(benchmark)(bare, "x"); }),
               contains("q:1: there is no reference"));
  }
}

TEST_CASE("evaluate asks a judge, writes its reviews and asks nothing twice", "[eval][judged][program]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const benchmark_files w;
  write_mmhal(w);
  std::mutex guard;
  std::size_t limit = 40;
  std::vector<std::string> asked;
  const http_server server([&](int, const http_seen& request) {
    const std::lock_guard hold(guard);
    if (asked.size() == limit) return http_answer("I am gone", "410 Gone");
    asked.push_back(request.body);
    const auto body = json::parse(request.body);
    const auto prompt = body["messages"][0]["content"].back()["text"].get<std::string>();
    const int i = number_after(prompt, "Answer ");
    if (number_after(prompt, "Question ") != i || number_after(prompt, "Truth ") != i ||
        body["temperature"] != 0)
      return http_answer("{}");
    return reply(i == 5 ? "I cannot tell." : "Fine.\nRating: " + std::to_string(i % 7));
  });
  const std::vector<std::string> line{
      "mmhal",   "--questions", w.questions,     "--answers", w.answers,
      "--judge", server.url(),  "--judge-model", "gpt",       "--in-flight",
      "1",       "--reviews",   w.reviews,       "--output",  w.folder / "figures.json"};
  const auto down = run_program("evaluate", line);
  CHECK(down.code == 5);
  CHECK_THAT(down.err, contains("status 410: I am gone"));
  CHECK_FALSE(std::filesystem::exists(w.reviews));
  limit = 1000;
  const auto end = run_program("evaluate", line);
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK(asked.size() == 96);  // each once
  CHECK(std::set(asked.begin(), asked.end()).size() == 96);
  CHECK_THAT(end.err, contains("56 of 96 reviews asked of gpt now") &&
                          contains("1 of 96 reviews hold no rating") && contains("in candor's words"));
  double sum = 0;
  for (int i = 0; i < 96; ++i) sum += i == 5 ? 0 : i % 7;
  const json rows = read_json(w.folder / "figures.json").at(0).at("rows");
  CHECK(rows.at("all").at("score").get<double>() == Approx(sum / 96));
  CHECK(rows.at("holistic").at("n") == 12);
  const auto reviews = read_lines(w.reviews);
  REQUIRE(reviews.size() == 96);
  CHECK(reviews[3].at("question_id") == "image3");
  CHECK(reviews[3].at("choices")[0]["message"]["content"] == "Fine.\nRating: 3");

  // The reviews alone give the same figures, and a third run asks nothing.
  REQUIRE(run_program("evaluate", line).code == 0);
  CHECK(asked.size() == 96);
  const auto scored = run_program("evaluate", {"mmhal", "--reviews", w.reviews, "--questions", w.questions});
  CHECK(scored.code == 0);
  CHECK_THAT(end.out, contains(scored.out));

  // Some answers only.
  write_lines(w.answers, {{{"image_id", "image3"}, {"answer", "Answer 3."}}});
  const auto refused = run_program("evaluate", line);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, contains("95 questions of") && contains("--partial"));
  auto partial = line;
  partial.push_back("--partial");
  const auto few = run_program("evaluate", partial);
  INFO(few.err);
  CHECK(few.code == 0);
  CHECK_THAT(few.err, contains("95 questions without an answer"));
  CHECK(read_json(w.folder / "figures.json").at(0).at("rows").at("counting").at("n") == 1);

  for (const char* option : {"--questions", "--answers", "--judge-model"}) {
    auto less = line;
    const auto at = std::find(less.begin(), less.end(), option);
    less.erase(at, at + 2);
    CHECK(run_program("evaluate", less).code == 2);
  }
  CHECK(run_program("evaluate", {"mmhal", "--reviews", w.reviews, "--judge-model", "gpt"}).code == 2);
}

TEST_CASE("evaluate asks a judge about the other benchmarks in their forms", "[eval][judged][program]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const benchmark_files w;
  const auto boxes = w.folder / "boxes.jsonl", references = w.folder / "references.jsonl",
             prompt = w.folder / "prompt.txt";
  const http_server server([&](int, const http_seen& request) {
    const auto text = json::parse(request.body)["messages"][0]["content"].back()["text"].get<std::string>();
    const bool good = text.find("good answer") != text.npos;
    if (text.find("[[A]]") != text.npos) return reply(good ? "B is right: [[B]]" : "[[A]]");
    if (text.find("[Assistant 2]") != text.npos) return reply(good ? "8 8\nEqual." : "8 4\nPoor.");
    return reply(text.find("OWN WORDS") == text.npos ? "?" : good ? "no" : "Yes, it does.");
  });
  const auto run = [&](const char* benchmark, std::vector<std::string> more = {}) {
    std::vector<std::string> line{benchmark,
                                  "--questions",
                                  w.questions,
                                  "--answers",
                                  w.answers,
                                  "--judge",
                                  server.url(),
                                  "--judge-model",
                                  "gpt",
                                  "--reviews",
                                  w.reviews,
                                  "--output",
                                  w.folder / "figures.json"};
    line.insert(line.end(), more.begin(), more.end());
    const auto end = run_program("evaluate", line);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json(w.folder / "figures.json").at(0).at("rows");
  };
  write_lines(w.questions, {{{"question_id", 1},
                             {"image", "1.jpg"},
                             {"question", "What?"},
                             {"category", "conv"},
                             {"type", "OCR"},
                             {"description", "A cup."},
                             {"answer", "A cup."}},
                            {{"question_id", 2},
                             {"image", "1.jpg"},
                             {"question", "Why?"},
                             {"category", "detail"},
                             {"type", "OCR"},
                             {"description", "A cup."},
                             {"answer", "A cup."}}});
  write_lines(w.answers,
              {{{"responses", {"a good answer"}}}, {{"responses", {"another"}}}});  // as `generate` writes
  CHECK(run("refomb").at("all").at("score") == 0.5);
  CHECK(read_lines(w.reviews).at(0).at("review") == "B is right: [[B]]");

  write_lines(boxes, {{{"image", "1.jpg"}, {"captions", {"A cup."}}, {"instances", json::array()}}});
  write_lines(references, {{{"question_id", 1}, {"text", "A."}}, {{"question_id", 2}, {"text", "B."}}});
  const auto llava = run("llava-bench", {"--contexts", boxes, "--references", references});
  CHECK(llava.at("all").at("relative %") == 75.0);
  CHECK(llava.at("detail").at("relative %") == 50.0);
  CHECK(read_lines(w.reviews).at(1).at("tuple") == json{8.0, 4.0});

  candor::write_atomically(prompt, "OWN WORDS: yes or no?");
  CHECK(run("deceptive", {"--judge-prompt", prompt}).at("all").at("not deceived %") == 50.0);
}

TEST_CASE("evaluate deceptive takes MAD-Bench's questions and prompts, and shows the judge the picture",
          "[eval][judged][program]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const benchmark_files w;
  json questions = json::array();
  for (const char* name : {"a.png", "b.png", "c.png"}) {
    candor::write_png(w.folder / name, {1, 1, {static_cast<std::uint8_t>(name[0]), 0, 0}});
    questions.push_back({{"image", name},
                         {"instruction", std::string("What of ") + name + "?"},
                         {"category", *name == 'a' ? "count_of_object" : "object_attribute"}});
  }
  candor::write_atomically(w.questions, questions.dump());
  write_lines(w.answers, {{{"question_id", "c.png"}, {"text", "It is not."}},
                          {{"question_id", "a.png"}, {"text", "Three girls."}},
                          {{"question_id", "b.png"}, {"text", "Not so."}}});
  candor::write_atomically(w.folder / "prompts.json",
                           R"({"count_of_object": {"prompt": "COUNT {question} The answer is: {answer}"},
          "object_attribute": {"prompt": "ATTRIBUTE {question} The answer is: {answer}"}})");
  const http_server server([](int, const http_seen& request) {
    const auto content = json::parse(request.body)["messages"][0]["content"];
    if (content.size() != 2 || content[0]["type"] != "image_url") return reply("?");
    const auto text = content[1]["text"].get<std::string>();
    if (text == "COUNT What of a.png? The answer is: Three girls.") return reply("Incorrect. No.");
    return reply(text.starts_with("ATTRIBUTE What of b.png? ") ? "Correct\nYes, it says so."
                                                               : "The answer is correct. No wonder.");
  });
  const std::vector<std::string> line{"deceptive",
                                      "--questions",
                                      w.questions,
                                      "--answers",
                                      w.answers,
                                      "--images",
                                      w.folder.path(),
                                      "--judge",
                                      server.url(),
                                      "--judge-model",
                                      "gpt",
                                      "--judge-prompt",
                                      w.folder / "prompts.json",
                                      "--reviews",
                                      w.reviews,
                                      "--output",
                                      w.folder / "figures.json"};
  const auto end = run_program("evaluate", line);
  INFO(end.err);
  REQUIRE(end.code == 0);
  const json rows = read_json(w.folder / "figures.json").at(0).at("rows");
  CHECK(rows.at("all").at("not deceived %").get<double>() == Approx(200.0 / 3));
  CHECK(rows.at("count_of_object").at("not deceived %") == 0.0);
  CHECK(rows.at("object_attribute").at("not deceived %") == 100.0);
  CHECK(run_program("evaluate", line).code == 0);
  CHECK(server.requests() == 3);
  candor::write_png(w.folder / "b.png", {1, 1, {9, 9, 9}});  // another picture is another question
  CHECK(run_program("evaluate", line).code == 0);
  CHECK(server.requests() == 4);
}

TEST_CASE("reviews are joined with their questions by id", "[eval][judged][program]") {
  const benchmark_files w;
  write_mmhal(w, 16);
  const auto review = [](int i, int rating) {
    return json{{"question_id", "image" + std::to_string(i)},
                {"review", "Rating: " + std::to_string(rating)}};
  };
  const auto run = [&](const char* benchmark, std::vector<std::string> more) {
    more.insert(more.begin(), {benchmark, "--reviews", w.reviews, "--output", w.folder / "figures.json"});
    return run_program("evaluate", more);
  };
  std::vector<json> reviews;
  for (int i = 15; i >= 0; --i) reviews.push_back(review(i, i % 8 == 3 ? 6 : 0));  // in another order
  write_lines(w.reviews, reviews);
  REQUIRE(run("mmhal", {"--questions", w.questions}).code == 0);
  CHECK(read_json(w.folder / "figures.json").at(0).at("rows").at("counting").at("score") == 6.0);

  reviews.pop_back();
  reviews.push_back(review(5, 1));   // 0 is missing, 5 is doubled,
  reviews.push_back(review(77, 1));  // and this one belongs to no question
  write_lines(w.reviews, reviews);
  const auto refused = run("mmhal", {"--questions", w.questions});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, contains("reviews.jsonl:16: the id image5 was answered already in"));
  const auto counted = run("mmhal", {"--questions", w.questions, "--partial"});
  CHECK(counted.code == 0);
  CHECK_THAT(counted.err, contains("1 question without an answer, 1 answer to a question that has one "
                                   "already, 1 answer to no question"));
  CHECK(read_json(w.folder / "figures.json").at(0).at("rows").at("attribute").at("n") == 1);
  CHECK(read_json(w.folder / "figures.json").at(0).at("rows").at("counting").at("score") == 6.0);

  // Without the questions' file doubled ids are still seen; the ids of OpenAI's responses are no questions'.
  write_lines(w.reviews, {{{"id", 1}, {"review", "no"}}, {{"id", 1}, {"review", "yes"}}});
  CHECK_THAT(run("deceptive", {}).err, contains("the id 1 was answered already"));
  CHECK_THAT(run("deceptive", {"--partial"}).err, contains("1 answer to a question that has one already"));
  write_lines(w.reviews, {{{"id", 1}, {"review", "no"}}, {{"review", "yes"}}});
  CHECK_THAT(run("deceptive", {}).err, contains("reviews.jsonl:2: the review has no id"));
  const json response{{"id", "chatcmpl-1"}, {"choices", {{{"message", {{"content", "[[B]]"}}}}}}};
  write_lines(w.reviews, {response, response});
  CHECK(run("refomb", {}).code == 0);
}
