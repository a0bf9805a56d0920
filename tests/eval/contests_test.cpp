// SPDX-License-Identifier: Apache-2.0
/// Two models' answers before a pairwise judge: contests, figures, and `evaluate pairwise` with a served
/// judge that prefers the first place.

#include "eval/eval_world.hpp"
#include "feedback/http_server.hpp"
#include "support/program.hpp"
#include "support/tiny_llava.hpp"

#include <candor/eval/contests.hpp>
#include <candor/feedback/http.hpp>
#include <candor/feedback/pairwise_model.hpp>
#include <candor/feedback/pairwise_orders.hpp>
#include <candor/image/write_png.hpp>
#include <candor/model/llava.hpp>

#include <algorithm>
#include <cmath>

using namespace candor_test;
using candor::pairwise_verdict;

namespace {

/// Three questions about pictures and the answers of two models: of the first contest the longer answer wins
/// whatever its place, of the second too once answers are shown in parts, of the third (one sentence each)
/// always the first place.
struct contest_world {
  scratch_folder folder;
  std::filesystem::path questions = folder / "questions.jsonl", answers = folder / "answers.jsonl",
                        against = folder / "against.jsonl", verdicts = folder / "verdicts.jsonl";
  contest_world() {
    std::vector<json> asked;
    for (int q = 0; q < 4; ++q) {
      const auto picture = std::to_string(q) + ".png";
      candor::write_png(folder / picture, {1, 1, {static_cast<std::uint8_t>(q), 0, 0}});
      asked.push_back({{"question_id", q},
                       {"image", picture},
                       {"text", "What is there?"},
                       {"category", q < 2 ? "conv" : "detail"}});
    }
    write_lines(questions, asked);
    write_lines(answers, {{{"question_id", 3}, {"text", "The same."}},
                          {{"question_id", 0}, {"text", "fair. A dog runs. A cat sleeps there."}},
                          {{"question_id", 1}, {"text", "A dog. A cat."}},
                          {{"question_id", 2}, {"text", "A dog."}}});
    write_lines(against, {{{"responses", {"fair. A dog."}}},
                          {{"responses", {"A dog runs. A cat sleeps there."}}},
                          {{"responses", {"A cat sleeps."}}},
                          {{"responses", {"The same."}}}});
  }
};

/// P(A) = 0.8 or 0.2: for the first place, but where the prompt is "fair" or shows parts for the longer text.
std::string judged(const http_seen& request) {
  const auto content = json::parse(request.body)["messages"][0]["content"];
  if (content.size() != 2) return http_answer("", "400 Expected a picture and a prompt");
  const auto text = content[1]["text"].get<std::string>();
  std::size_t length[2] = {0, 0};
  std::istringstream lines(text.substr(text.find("### Answer A")));
  int side = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("### Answer "))
      side = line[11] - 'A';
    else if (!line.starts_with("Reply"))
      length[side] += line.size();
  const bool looks = text.find("fair.") != text.npos || text.find("part 1 of") != text.npos;
  const bool first = !looks || length[0] > length[1];
  const auto alternatives = json::array({{{"token", "A"}, {"logprob", std::log(first ? 0.8 : 0.2)}},
                                         {{"token", "B"}, {"logprob", std::log(first ? 0.2 : 0.8)}}});
  return http_answer(
      json{{"choices",
            {{{"message", {{"content", first ? "A" : "B"}}},
              {"logprobs", {{"content", {{{"token", "A"}, {"top_logprobs", alternatives}}}}}}}}}}
          .dump());
}

}  // namespace

TEST_CASE("contests are joined by id, and verdicts are counted by category", "[eval][pairwise]") {
  const contest_world w;
  candor::answer_join answers, against;
  const candor::contest_files files{w.questions, {}, w.answers, w.against};
  const auto contests = candor::read_contests(files, {}, answers, against);
  REQUIRE(contests.size() == 4);
  CHECK(contests[1].id == "1");
  CHECK(contests[1].contest.first == std::vector<std::string>{"A dog. A cat."});
  CHECK(contests[1].contest.second == std::vector<std::string>{"A dog runs. A cat sleeps there."});
  CHECK(contests[1].contest.images.front().file() == w.folder / "1.png");

  const std::vector<pairwise_verdict> verdicts{{0.8, 0.1}, {0.3, 0.4}, {0.5, 0.5}, {0.9, 0.1}};
  const auto figures = candor::contest_figures(contests, verdicts);
  REQUIRE(figures.rows.size() == 3);
  CHECK(figures.rows[0].values == std::vector<double>{50, 25, 25, 62.5});
  CHECK(figures.rows[1].name == "conv");
  CHECK(figures.rows[1].values == std::vector<double>{50, 0, 50, 50});
  CHECK(figures.rows[2].values == std::vector<double>{50, 50, 0, 75});
  CHECK_THROWS_AS(candor::contest_figures(contests, std::span(verdicts).first(3)), candor::usage_error);
  CHECK(json::parse(candor::verdict_line(contests[1], verdicts[1])) ==
        json::parse(R"({"question_id": "1", "category": "conv", "winner": "against", "p_answers": 0.3,
                        "p_against": 0.4})"));

  // Questions that only one model answered are left out where that is allowed.
  write_lines(w.answers, {{{"question_id", 2}, {"text", "A dog."}}});
  CHECK_THAT(thrown_by([&] { candor::read_contests(files, {}, answers, against); }),
             contains("3 questions of"));
  CHECK(candor::read_contests(files, {.partial = true}, answers, against).size() == 1);
  CHECK(answers.missing == 3);
  write_lines(w.questions, {{{"question_id", 2}, {"text", "What?"}}});
  CHECK_THAT(thrown_by([&] { candor::read_contests(files, {.partial = true}, answers, against); }),
             contains("questions.jsonl:1: the key \"image\" is missing"));
  write_lines(w.questions, {{{"question_id", 2}, {"text", "What?"}, {"image", "../secret"}}});
  CHECK_THAT(thrown_by([&] { candor::read_contests(files, {.partial = true}, answers, against); }),
             contains("is outside of the folder of images"));
}

TEST_CASE("evaluate pairwise asks in one order, in both, and in parts", "[eval][pairwise][program]") {
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const contest_world w;
  const http_server server([](int, const http_seen& request) { return judged(request); });
  const std::vector<std::string> line{
      "pairwise",  "--questions", w.questions, "--answers",  w.answers,
      "--against", w.against,     "--judge",   server.url(), "--judge-model",
      "m",         "--verdicts",  w.verdicts,  "--output",   w.folder / "figures.json"};
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.begin(), line.begin(), line.end());
    const auto end = run_program("evaluate", more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.err, contains("1 of 4 contests have twice the same answer"));
    return read_json(w.folder / "figures.json");
  };
  // The first place wins two contests of three, or loses them where it is the other model's.
  const auto given = run({"--judge-order", "given"});
  REQUIRE(given.size() == 1);
  CHECK(given[0].at("rows").at("all").at("win %") == 75.0);
  CHECK(given[0].at("rows").at("all").at("tie %") == 25.0);
  CHECK(server.requests() == 3);
  const auto swapped = run({"--judge-order", "swapped"});
  CHECK(swapped[0].at("rows").at("all").at("win %") == 25.0);
  CHECK(swapped[0].at("rows").at("conv").at("lose %") == 50.0);
  CHECK(server.requests() == 6);

  const auto both = run({});  // asks nothing that either order has asked
  CHECK(server.requests() == 6);
  CHECK(both[0].at("rows").at("all").at("win %") == 25.0);
  CHECK(both[0].at("rows").at("all").at("tie %") == 75.0);
  const json orders = both[1].at("rows").at("all");
  CHECK(orders.at("n") == 3);
  CHECK(orders.at("agree %").get<double>() == Approx(100.0 / 3));
  CHECK(orders.at("first place won %").get<double>() == Approx(200.0 / 3));
  CHECK(orders.at("second place won %") == 0.0);

  const auto parts = run({"--portia", "2"});
  CHECK(server.requests() == 8);  // the contest of two sentences, in both orders
  CHECK(parts[0].at("rows").at("conv").at("lose %") == 50.0);
  CHECK(parts[1].at("rows").at("all").at("in equal parts %").get<double>() == Approx(100.0 / 3));
  const auto verdicts = read_lines(w.verdicts);
  REQUIRE(verdicts.size() == 4);
  CHECK(verdicts[0].at("winner") == "answers");
  CHECK(verdicts[0].at("p_answers").get<double>() == Approx(0.8));
  CHECK(verdicts[1].at("winner") == "against");
  CHECK(verdicts[2].at("winner") == "tie");
  CHECK(verdicts[3].at("winner") == "tie");

  for (const std::vector<std::string>& bad : {std::vector<std::string>{"--portia", "1"},
                                              {"--portia", "3", "--judge-order", "given"},
                                              {"--judge-order", "random"}}) {
    auto more = bad;
    more.insert(more.begin(), line.begin(), line.end());
    CHECK(run_program("evaluate", more).code == 2);
  }
  auto nameless = line;
  const auto at = std::find(nameless.begin(), nameless.end(), "--judge-model");
  nameless.erase(at, at + 2);
  CHECK_THAT(run_program("evaluate", nameless).err, contains("--judge needs --judge-model"));
}

TEST_CASE("evaluate pairwise asks a model here, as model_pairwise_judge does", "[eval][pairwise][program]") {
  const contest_world w;
  const auto mute_model = w.folder / "mute", model = w.folder / "model";
  const auto run = [&](const std::filesystem::path& judge, const char* order) {
    return run_program(
        "evaluate", {"pairwise", "--questions", w.questions, "--answers", w.answers, "--against", w.against,
                     "--judge", judge, "--verdicts", w.verdicts, "--threads", "1", "--judge-order", order});
  };
  write_tiny_llava(mute_model);  // its tokenizer has no letter B
  const auto mute = run(mute_model, "given");
  CHECK(mute.code == 3);
  CHECK_THAT(mute.err, contains("the tokenizer has no single token for B"));

  const auto words = shared_data("llama/tokenizer.model");
  if (words.empty()) CANDOR_SKIP("needs llama/ of the optional real data");
  write_tiny_llava(model, {.tokenizer = words.parent_path(), .naming = candor::naming::llava});
  candor::host cpu({.threads = 1});
  auto llava = candor::load_llava<float>(cpu, model);
  candor::model_pairwise_judge judge(llava);
  candor::answer_join answers, against;
  std::vector<candor::answer_contest> contests;
  for (auto& c : candor::read_contests({w.questions, {}, w.answers, w.against}, {}, answers, against))
    contests.push_back(std::move(c.contest));
  contests.pop_back();  // the equal answers
  const auto first = judge.compare(contests);
  candor::both_orders orders(judge);
  const auto both = orders.compare(contests);
  for (const auto& [order, expected] : {std::pair("given", &first), {"both", &both}}) {
    const auto end = run(model, order);
    INFO(end.err);
    REQUIRE(end.code == 0);
    const auto verdicts = read_lines(w.verdicts);
    REQUIRE(verdicts.size() == 4);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK((*expected)[i].first > 0);
      CHECK(verdicts[i].at("p_answers").get<double>() == Approx((*expected)[i].first));
      CHECK(verdicts[i].at("p_against").get<double>() == Approx((*expected)[i].second));
    }
  }
}
