// SPDX-License-Identifier: Apache-2.0
/// RLAIF-V on photographs, with a model of real layout and with a server, as a user runs it.

#include "examples/photo_world.hpp"
#include "examples/rlaif_v_world.hpp"
#include "feedback/http_server.hpp"

#include <candor/feedback/http.hpp>
#include <candor/io/atomic_file.hpp>

#include <mutex>
#include <sstream>

using namespace candor_test;

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
  SECTION("presets have the published numbers") {
    std::filesystem::remove(w.model / "model.safetensors");
    const auto plan = [&](const char* preset, const arguments& more) {
      const auto end =
          run_program("rlaif_v", joined({"--model", w.model, "--data", file, "--images", w.data.images,
                                         "--output", w.scratch / "none", "--dry-run", "--preset", preset},
                                        more));
      INFO(end.err);
      REQUIRE(end.code == 0);
      return end.out;
    };
    const auto value = [](const std::string& printed, const std::string& name) -> std::string {
      std::istringstream lines(printed);
      for (std::string line, word; std::getline(lines, line);)
        if (line.starts_with(name + " ") && std::istringstream(line.substr(name.size())) >> word) return word;
      return "absent";
    };
    const auto paper = plan("paper", {"--instructions", "0"}), released = plan("released", {});
    for (const auto& printed : {paper, released}) {
      CHECK(value(printed, "answers") == "320");  // 10 to each of 32
      CHECK(value(printed, "temperature") == "0.7");
      CHECK(value(printed, "top-p") == "1");
      CHECK(value(printed, "repetition penalty") == "1");
      CHECK(value(printed, "longest answer, tokens") == "512");
      CHECK(value(printed, "score") == "unconfirmed");
      CHECK(value(printed, "least gap") == "1");
      CHECK(value(printed, "pairs of an instruction") == "2");
      CHECK(value(printed, "beta") == "0.1");
      CHECK(value(printed, "learning rate") == "5e-07");
      CHECK(value(printed, "pairs of a step") == "8");
    }
    CHECK(value(paper, "rounds") == "4");
    CHECK(value(paper, "epochs") == "4");
    CHECK(value(paper, "top-k") == "0");
    CHECK(value(paper, "template") == "auto");
    CHECK(value(released, "rounds") == "1");
    CHECK(value(released, "top-k") == "50");
    CHECK(value(released, "template") == "llava_v1");
    CHECK(value(released, "image transform") == "centre_crop");
    const auto few = run_program("rlaif_v", {"--model", w.model, "--data", file, "--images", w.data.images,
                                             "--output", w.scratch / "none", "--dry-run"});
    CHECK_THAT(few.err, contains("need 16000"));  // 4,000 of the paper's rounds are not there
  }
  SECTION("two rounds with adapters") {
    // A tiny model of random weights says nonsense, which makes claims all the same.
    const auto asked = w.scratch / "questions.jsonl";
    candor::write_atomically(asked, lines.substr(0, lines.find('\n', lines.find('\n') + 1) + 1));
    const auto end =
        run_program("rlaif_v", joined(options, {"--output", w.scratch / "run", "--lora-r", "4",
                                                "--learning-rate", "1e-3", "--questions", asked}));
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.out, contains("not confirmed %"));
    CHECK(read_json_lines(w.scratch / "run/round-2/candidates.jsonl").size() == 24);
    CHECK(read_json_lines(w.scratch / "run/round-2/candidates.jsonl")[0]["image_path"] ==
          read_json_lines(w.data.pairs)[6]["image"]);
    for (const char* made : {"round-1/run/adapter/adapter_model.safetensors",
                             "round-1/run/model/model.safetensors", "round-2/run/model/config.json"})
      CHECK(std::filesystem::exists(w.scratch / "run" / made));
    // The report has both questions' answers side by side, under the photograph, with figures and the KL.
    const auto page = candor::read_file(w.scratch / "run/report.html");
    for (const char* part : {"<h4>base</h4>", "<h4>aligned, round-2</h4>", "<td>before</td>",
                             "<td>round-2</td>", "src=\"data:image/jpeg;base64,",
                             "<b>KL to the reference, nats</b>", "<dt>max-new-tokens</dt><dd>12</dd>"}) {
      INFO("missing: " << part);
      CHECK((page.find(part) != page.npos));
    }
  }
  SECTION("a server answers, divides and judges; it falls silent once, and is asked nothing twice") {
    if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
    std::mutex guard;
    std::size_t limit = 4;
    std::vector<std::string> judged;  // requests for verdicts that were answered
    const http_server server([&](int, const http_seen& request) {
      const auto body = json::parse(request.body);
      if (body.contains("logprobs")) {
        const std::lock_guard hold(guard);
        if (judged.size() == limit) return http_answer("I am gone", "410 Gone");
        judged.push_back(request.body);
      }
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
    arguments remote = joined(options, {"--rounds", "1", "--output", w.scratch / "served", "--resume", "auto",
                                        "--in-flight", "1", "--top-p", "0.9", "--repetition-penalty", "1.1"});
    for (const char* part : {"--sampler", "--splitter", "--judge"})
      remote = joined(remote, {part, server.url(), std::string(part) + "-model", "served"});
    const auto down = run_program("rlaif_v", remote);
    CHECK(down.code == 5);
    CHECK_THAT(down.err, contains("status 410: I am gone"));
    CHECK(judged.size() == limit);
    limit = 1'000'000;
    const auto end = run_program("rlaif_v", remote);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.err, contains("came without log-probs"));
    const auto rows = read_json_lines(w.scratch / "served/round-1/verdicts.jsonl");
    REQUIRE(rows.size() == 24);
    for (const auto& row : rows) CHECK(row["facts"][0].get<std::string>().starts_with("There is thing"));
    CHECK(judged.size() > 6);
    CHECK(std::set(judged.begin(), judged.end()).size() == judged.size());  // none was asked twice
    for (const auto& request : judged)
      CHECK_THAT(json::parse(request)["messages"][0]["content"][0]["image_url"]["url"].get<std::string>(),
                 contains("data:image/jpeg;base64,"));
    int samples = 0;
    for (const auto& request : server.seen()) {
      const auto body = json::parse(request.body);
      if (body["temperature"] != 1) continue;  // divided or judged
      ++samples;
      CHECK(body["top_p"] == 0.9);
      CHECK(body["repetition_penalty"] == 1.1);
    }
    CHECK(samples == 24);
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
    INFO(alike.err);
    CHECK(alike.code == 0);
    CHECK_THAT(alike.err, contains("6 instructions have answers that all score the same"));
    CHECK_THAT(alike.out, contains("round 1") && contains("saved       " + w.model.string()));
  }
}
