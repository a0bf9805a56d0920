// SPDX-License-Identifier: Apache-2.0
/// RLAIF-V on the embedded world and on photographs, as a user runs it.

#include "examples/photo_world.hpp"
#include "feedback/http_server.hpp"
#include "support/program.hpp"

#include <candor/core/random.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/feedback/http.hpp>
#include <candor/io/atomic_file.hpp>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace candor_test;

namespace {

using arguments = std::vector<std::string>;

/// Two small rounds on the embedded world.
arguments small_world(const std::filesystem::path& output) {
  return {"--output",     output, "--rounds",   "2",   "--instructions", "40", "--samples",    "6",
          "--epochs",     "4",    "--held-out", "20",  "--best-of",      "2",  "--save-steps", "2",
          "--batch-size", "8",    "--quiet",    "true"};
}

/// What a run has made: its rounds' files and the weights.
std::vector<std::string> made_files() {
  std::vector<std::string> out{"data/instructions.jsonl"};
  for (const char* round : {"round-1", "round-2"})
    for (const char* name :
         {"candidates.jsonl", "claims.jsonl", "questions.jsonl", "verdicts.jsonl", "pairs.jsonl",
          "pairs.summary.json", "evaluation.json", "run/model/model.safetensors", "run/metrics.jsonl"})
      out.push_back(std::string(round) + "/" + name);
  return out;
}

bool is_long() { return std::getenv("CANDOR_LONG") != nullptr; }

}  // namespace

TEST_CASE("RLAIF-V mends the embedded world's base by its own verdicts", "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const arguments seeds = is_long() ? arguments{"1", "2", "3"} : arguments{"1"};
  const auto end = run_program("rlaif_v", joined({"--output", scratch / "run", "--seeds"}, seeds));
  INFO(end.out << end.err << end.seconds << " seconds");
  REQUIRE(end.code == 0);

  const auto before = table_row(end.out, "base");
  REQUIRE(before.size() == 5);
  double fall = 0, labels = 0;
  for (const auto& seed : seeds) {
    const auto first = table_row(end.out, "seed " + seed + ", round 1"),
               last = table_row(end.out, "seed " + seed + ", round 2");
    REQUIRE(first.size() == 8);
    REQUIRE(last.size() == 8);
    CHECK(last[0] < 0.32 * before[0]);
    CHECK(last[1] < 0.4 * before[1]);
    CHECK(last[2] > before[2]);
    CHECK(std::abs(last[3] - before[3]) < 0.15 * before[3]);
    CHECK(last[4] > before[4] - 2);
    CHECK(last[6] > 200);
    fall += 1 - last[0] / before[0];
    labels += (first[5] + last[5]) / 2;
  }
  CHECK(fall / static_cast<double>(seeds.size()) >= 0.76);
  CHECK(labels / static_cast<double>(seeds.size()) >= 88);
  // The implicit reward finds the true ones among the base's samples.
  const auto sample = table_row(end.out, "  base sample at T 1"),
             best = table_row(end.out, "  base best of 8");
  REQUIRE(sample.size() == 4);
  REQUIRE(best.size() == 4);
  CHECK(best[0] < 0.65 * sample[0]);
  CHECK(best[2] > sample[2]);
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(end.seconds <
        180 * static_cast<double>(seeds.size()));  // of the processor: under two minutes on two cores
#endif
  const auto run = is_long() ? scratch / "run/seed-1" : scratch / "run";
  const candor::preference_data pairs(run / "round-2/pairs.jsonl", {.images = run / "data/images"});
  CHECK(pairs.size() == static_cast<std::int64_t>(table_row(end.out, "seed 1, round 2")[6]));
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.model"})
    CHECK(std::filesystem::exists(run / "round-2/run/model" / name));
  CHECK_THAT(candor::read_file(scratch / "run/captions.svg"), contains("<svg"));
}

TEST_CASE("RLAIF-V's stages write what they found out, and can be run alone", "[examples][rlaif_v]") {
  const scratch_folder scratch;
  const auto all = small_world(scratch / "whole"),
             parts = joined(small_world(scratch / "parts"), {"--resume", "auto"});
  const auto whole = run_program("rlaif_v", all);
  INFO(whole.err);
  REQUIRE(whole.code == 0);

  const auto rows = read_json_lines(scratch / "whole/round-1/verdicts.jsonl");
  REQUIRE(rows.size() == 240);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i]["question_id"] == i);
    CHECK(rows[i]["ds_question_id"] == std::to_string(i / 6));
    if (!rows[i].contains("facts")) continue;
    REQUIRE(rows[i]["facts"].size() == rows[i]["changed_facts"].size());
    REQUIRE(rows[i]["facts"].size() == rows[i]["scores"].size());
  }
  for (const auto& pair : read_json_lines(scratch / "whole/round-1/pairs.jsonl"))
    CHECK(pair["org_infos"]["scores"]["chosen"]["score"].get<double>() >
          pair["org_infos"]["scores"]["rejected"]["score"].get<double>());

  const auto early = run_program("rlaif_v", joined(parts, {"--stages", "judge"}));
  CHECK(early.code == 2);
  CHECK_THAT(early.err, contains("run the stage ask first"));
  for (const char* stage : {"generate", "split", "ask", "judge", "pair", "train"}) {
    const auto end = run_program("rlaif_v", joined(parts, {"--stages", stage}));
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.out, contains("the stages that were asked for are done"));
  }
  REQUIRE(run_program("rlaif_v", parts).code == 0);
  for (const auto& name : made_files())
    CHECK(candor::read_file(scratch / "parts" / name) == candor::read_file(scratch / "whole" / name));

  const auto other = run_program("rlaif_v", joined(parts, {"--min-gap", "2"}));
  CHECK(other.code == 0);  // nothing is left to be made with it
  std::filesystem::remove(scratch / "parts/round-2/pairs.jsonl");
  const auto refused = run_program("rlaif_v", joined(parts, {"--min-gap", "2"}));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("min-gap"));
  std::filesystem::remove(scratch / "parts/round-1/pairs.jsonl");
  candor::write_atomically(scratch / "parts/round-1/verdicts.jsonl",
                           candor::read_file(scratch / "parts/round-2/verdicts.jsonl"));
  const auto changed = run_program("rlaif_v", parts);
  CHECK(changed.code == 2);
  CHECK_THAT(changed.err, contains("another content of"));
  CHECK(run_program("rlaif_v", small_world(scratch / "whole")).code == 2);  // without --resume
}

TEST_CASE("RLAIF-V that is killed anywhere goes on and ends with the same files",
          "[examples][rlaif_v][faults]") {
  const scratch_folder scratch;
  const auto whole = run_program("rlaif_v", small_world(scratch / "whole"));
  REQUIRE(whole.code == 0);

  const char* given = std::getenv("CANDOR_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const int kills = is_long() ? 20 : 4;
  std::printf("killed %d times, CANDOR_SEED=%llu\n", kills, static_cast<unsigned long long>(seed));
  candor::random_stream dice(seed, 0);
  // Each start runs for its share of the whole time, with some luck, and is then killed.
  const auto options = joined(small_world(scratch / "killed"), {"--resume", "auto"});
  int killed = 0;
  for (int k = 0; k < kills; ++k) {
    const scratch_folder said;
    const pid_t child = start_program("rlaif_v", options, said.path());
    wait_until_used(child, whole.seconds * (0.1 + 1.6 * dice.uniform() / kills));
    ::kill(child, SIGKILL);
    const auto end = end_program(child, said.path());
    INFO(end.err);
    REQUIRE((end.signal == SIGKILL || end.code == 0));
    killed += end.signal == SIGKILL;
  }
  const auto last = run_program("rlaif_v", options);
  INFO(last.err);
  REQUIRE(last.code == 0);
  CHECK(killed >= 2);
  for (const auto& name : made_files()) {
    INFO(name);
    CHECK(candor::read_file(scratch / "killed" / name) == candor::read_file(scratch / "whole" / name));
  }
}

TEST_CASE("RLAIF-V that is asked to stop leaves with 75 and goes on", "[examples][rlaif_v]") {
  const scratch_folder scratch, said;
  const auto options = joined(small_world(scratch / "run"), {"--instructions", "200", "--resume", "auto"});
  const pid_t child = start_program("rlaif_v", options, said.path());
  const auto part = scratch / "run/round-1/candidates.jsonl.part";
  for (int i = 0; i < 60'000 && !(std::filesystem::exists(part) && std::filesystem::file_size(part) > 0); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGTERM);
  const auto end = end_program(child, said.path());
  INFO(end.err);
  CHECK(end.code == 75);
  CHECK(std::filesystem::exists(part));
  CHECK(run_program("rlaif_v", joined(options, {"--stages", "generate"})).code == 0);
  CHECK(read_json_lines(scratch / "run/round-1/candidates.jsonl").size() == 1200);
}

TEST_CASE("RLAIF-V runs on photographs with a model of real layout", "[examples][rlaif_v][photos]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  const photo_world w;
  std::string lines;
  for (const auto& pair : read_json_lines(w.data.pairs))
    lines +=
        json{{"image", pair["image"]}, {"question", pair["question"]}, {"idx", pair["idx"]}}.dump() + "\n";
  const auto file = w.scratch / "instructions.jsonl";
  candor::write_atomically(file, lines);
  const arguments options{"--model",           w.model, "--data",         file,  "--images",    w.data.images,
                          "--rounds",          "2",     "--instructions", "6",   "--samples",   "4",
                          "--max-new-tokens",  "12",    "--temperature",  "1",   "--max-steps", "2",
                          "--balance-lengths", "false", "--quiet",        "true"};

  SECTION("a plan without weights") {
    std::filesystem::remove(w.model / "model.safetensors");
    const auto plan = run_program("rlaif_v", joined(options, {"--output", w.scratch / "none", "--dry-run"}));
    INFO(plan.err);
    CHECK(plan.code == 0);
    CHECK_THAT(plan.out, contains("(image, 576 tokens)"));
    CHECK_THAT(plan.out, contains("answer tokens at most"));
    CHECK(!std::filesystem::exists(w.scratch / "none"));
  }
  SECTION("two rounds with adapters") {
    // A tiny model of random weights says nonsense, which makes claims all the same.
    const auto end = run_program("rlaif_v", joined(options, {"--output", w.scratch / "run", "--lora-r", "4",
                                                             "--learning-rate", "1e-3"}));
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.out, contains("not confirmed %"));
    CHECK(read_json_lines(w.scratch / "run/round-2/candidates.jsonl").size() == 24);
    CHECK(read_json_lines(w.scratch / "run/round-2/candidates.jsonl")[0]["image_path"] ==
          read_json_lines(w.data.pairs)[6]["image"]);
    for (const char* made : {"round-1/run/adapter/adapter_model.safetensors",
                             "round-1/run/model/model.safetensors", "round-2/run/model/config.json"})
      CHECK(std::filesystem::exists(w.scratch / "run" / made));
  }
  SECTION("a server answers, divides and judges; it falls silent once, and is asked nothing twice") {
    if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
    std::atomic<int> limit{60};
    const http_server server([&](int n, const http_seen& request) {
      if (n >= limit) return http_answer("I am gone", "410 Gone");
      const auto body = json::parse(request.body);
      const auto& content = body["messages"][0]["content"];
      const auto question = content.back()["text"].get<std::string>();
      const bool divides = question.find("### Facts:") != std::string::npos,
                 asks = question.find("### Modified") != std::string::npos;
      // Answers of one to three claims by the sample's seed; the judge believes in things with even numbers.
      std::string said;
      if (divides)
        said = question.substr(question.find("### Answer:") + 12);
      else if (asks)
        said = question.substr(question.find("### Sentences:") + 15);
      else if (body.contains("seed"))
        for (int i = 0; i <= body["seed"].get<int>() % 3; ++i)
          said += "- There is thing " + std::to_string(body["seed"].get<int>() / 7 % 10 + i) + ".\n";
      else
        said = std::string("02468").find(question[question.find("thing ") + 6]) != std::string::npos ? "Yes"
                                                                                                     : "No";
      return http_answer(
          json{{"choices", {{{"message", {{"content", said}}}, {"finish_reason", "stop"}}}}}.dump());
    });
    arguments remote = joined(
        options, {"--rounds", "1", "--output", w.scratch / "served", "--resume", "auto", "--in-flight", "2"});
    for (const char* part : {"--sampler", "--splitter", "--judge"})
      remote = joined(remote, {part, server.url(), std::string(part) + "-model", "served"});
    const auto down = run_program("rlaif_v", remote);
    CHECK(down.code == 5);
    CHECK_THAT(down.err, contains("status 410: I am gone"));
    limit = 1'000'000;
    const auto end = run_program("rlaif_v", remote);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.err, contains("came without log-probs"));
    const auto rows = read_json_lines(w.scratch / "served/round-1/verdicts.jsonl");
    REQUIRE(rows.size() == 24);
    for (const auto& row : rows) CHECK(row["facts"][0].get<std::string>().starts_with("There is thing"));
    std::set<std::string> judged;
    for (const auto& request : server.seen()) {
      const auto body = json::parse(request.body);
      if (!body.contains("logprobs")) continue;
      CHECK_THAT(body["messages"][0]["content"][0]["image_url"]["url"].get<std::string>(),
                 contains("data:image/jpeg;base64,"));
      judged.insert(request.body);
    }
    CHECK(judged.size() > 6);
    CHECK(std::filesystem::exists(w.scratch / "served/round-1/run/model/model.safetensors"));
  }
  SECTION("an instruction without a picture, too few of them, and a temperature that lets nothing differ") {
    candor::write_atomically(file, lines + R"({"question": "What?"})" + "\n");
    const auto blind = run_program(
        "rlaif_v", joined(options, {"--output", w.scratch / "a", "--instructions", "0", "--rounds", "1"}));
    CHECK(blind.code == 3);
    CHECK_THAT(blind.err, contains("instructions.jsonl:33"));
    CHECK_THAT(blind.err, contains("image"));
    candor::write_atomically(file, lines);
    const auto few =
        run_program("rlaif_v", joined(options, {"--output", w.scratch / "b", "--instructions", "33"}));
    CHECK(few.code == 3);
    CHECK_THAT(few.err, contains("--instructions"));
    const auto alike =
        run_program("rlaif_v", joined(options, {"--output", w.scratch / "c", "--temperature", "1e-6"}));
    CHECK(alike.code == 3);
    CHECK_THAT(alike.err, contains("6 instructions have answers that all score the same"));
  }
}
