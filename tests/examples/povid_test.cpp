// SPDX-License-Identifier: Apache-2.0
/// POVID on the embedded world and on photographs, as a user runs it.

#include "examples/photo_world.hpp"
#include "feedback/http_server.hpp"
#include "support/program.hpp"

#include <candor/data/preference_data.hpp>
#include <candor/feedback/http.hpp>
#include <candor/io/atomic_file.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

using arguments = std::vector<std::string>;

/// A figure of a stage, from a run's figures.jsonl.
double figure(const std::vector<json>& stages, const std::string& stage, const std::string& name) {
  for (const auto& line : stages)
    if (line.at("stage") == stage)
      for (const auto& f : line.at("figures"))
        if (f.at("name") == name) return f.at("value").get<double>();
  FAIL("no figure " << name << " of the stage " << stage);
  return 0;
}

/// What a careless or careful model makes of an inject prompt, by the answer's number of words.
std::string injected_reply(const std::string& prompt) {
  const std::string mark = "### Answer:\n";
  const auto begin = prompt.find(mark) + mark.size();
  const auto answer = prompt.substr(begin, prompt.size() - begin - 1);
  const auto words = std::count(answer.begin(), answer.end(), ' ');
  const std::string header = "### Changed answer:\n";
  switch (words % 4) {
    case 0: return header + "Two purple dragons play chess.";
    case 1: return header + answer;
    case 2: return answer + " A dog lies beside it.";
    default: return header + answer + " A dog lies beside it.";
  }
}

}  // namespace

TEST_CASE("POVID mends the embedded world's base by hallucinations made to order", "[examples][povid]") {
  const scratch_folder scratch;
  const auto end = run_program("povid", {"--output", scratch / "run", "--quiet", "true"});
  INFO(end.out << end.err << end.seconds << " seconds");
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("text stage: hallucinated mentions fall by"));
  const auto figures = read_json_lines(scratch / "run/figures.jsonl");
  const auto lies = [&](const std::string& stage) {
    return figure(figures, stage, "mentions that are lies, %");
  };
  const auto recall = [&](const std::string& stage) { return figure(figures, stage, "recall, %"); };
  CHECK(lies("seed 1, text stage") < 0.35 * lies("base"));
  CHECK(recall("seed 1, text stage") > recall("base"));
  CHECK(lies("seed 1, noise stage") < lies("base"));
  for (const char* stage : {"text", "noise"})
    CHECK(std::filesystem::exists(scratch / "run" / stage / "model/model.safetensors"));
  const candor::preference_data pairs(scratch / "run/data/pairs.jsonl",
                                      {.images = scratch / "run/data/images"});
  CHECK(pairs.size() == 500);
  CHECK(read_json_lines(scratch / "run/text/metrics.jsonl").size() == 62);
  CHECK(read_json_lines(scratch / "run/noise/metrics.jsonl").size() == 31);
}

TEST_CASE("POVID makes hallucinated answers for photographs with a server, and learns from them",
          "[examples][povid][photos]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  if (!candor::has_http()) CANDOR_SKIP("built without libcurl");
  const photo_world w;
  std::atomic<int> limit{20}, pictures{0};
  const http_server server([&](int n, const http_seen& request) {
    if (n >= limit) return http_answer("I am gone", "410 Gone");
    const auto content = json::parse(request.body)["messages"][0]["content"];
    pictures += content[0]["image_url"]["url"].get<std::string>().starts_with("data:image/jpeg;base64,");
    const json reply{{"choices",
                      {{{"message", {{"content", injected_reply(content.back()["text"].get<std::string>())}}},
                        {"finish_reason", "stop"}}}}};
    return http_answer(reply.dump());
  });
  const auto run = w.scratch / "run";
  const arguments options{
      "--model",    w.model,      "--data",           w.data.pairs, "--images", w.data.images,
      "--injector", server.url(), "--injector-model", "served",     "--resume", "auto",
      "--output",   run,          "--in-flight",      "2",          "--quiet",  "true"};

  const auto unasked = run_program("povid", options);
  CHECK(unasked.code == 2);
  CHECK_THAT(unasked.err, contains("is asked by the stage inject, which --stages does not name"));
  const auto down = run_program("povid", joined(options, {"--stages", "inject"}));
  CHECK(down.code == 5);
  CHECK_THAT(down.err, contains("status 410: I am gone"));
  limit = 1'000'000;
  const int before = server.requests();
  const auto injected = run_program("povid", joined(options, {"--stages", "inject"}));
  INFO(injected.out << injected.err);
  REQUIRE(injected.code == 0);
  CHECK(server.requests() - before == 16);  // 32 answers; a batch of 16 was there
  CHECK(pictures == 36);                    // 20 before it went, 4 of them in a batch that was lost

  const auto counts = json::parse(candor::read_file(run / "inject/summary.json"));
  CHECK(counts["answers"] == 32);
  CHECK(counts["kept"].get<int>() > 0);
  CHECK(counts["unchanged"].get<int>() > 0);
  CHECK(counts["rewritten"].get<int>() > 0);
  CHECK(counts["unreadable"].get<int>() > 0);
  const candor::preference_data pairs(run / "inject/pairs.json", {.images = w.data.images});
  CHECK(pairs.size() == counts["kept"].get<std::int64_t>());
  CHECK(read_json_lines(run / "inject/dropped.jsonl").size() == 32u - static_cast<std::size_t>(pairs.size()));
  for (std::int64_t i = 0; i < pairs.size(); ++i)
    CHECK(pairs.record(i).rejected == pairs.record(i).chosen + " A dog lies beside it.");

  const arguments plan{"--model",          w.model,    "--images", w.data.images, "--output",
                       w.scratch / "none", "--dry-run"};
  const auto early_plan = run_program("povid", joined(plan, {"--data", w.data.pairs, "--stages", "inject"}));
  CHECK(early_plan.code == 2);
  CHECK_THAT(early_plan.err, contains("which the stage inject has yet to make"));
  const auto seen = run_program("povid", joined(plan, {"--data", run / "inject/pairs.json"}));
  INFO(seen.err);
  REQUIRE(seen.code == 0);
  CHECK_THAT(seen.out, contains("(image, 576 tokens)"));
  CHECK(!std::filesystem::exists(w.scratch / "none"));

  const arguments training{"--lora-r",    "4", "--learning-rate", "1e-3",        "--batch-size", "2",
                           "--max-steps", "2", "--reference",     "adapters-off"};
  const auto early = run_program("povid", joined(joined(options, training), {"--stages", "noise"}));
  CHECK(early.code == 2);
  CHECK_THAT(early.err, contains("run the stage text first"));
  for (const char* preset : {"released", "paper"}) {
    const auto end = run_program("povid", joined(joined(options, training), {"--preset", preset}));
    INFO(end.out << end.err);
    REQUIRE(end.code == 0);
    for (const char* stage : {"text", "noise"}) {
      CHECK(std::filesystem::exists(run / stage / "adapter/adapter_model.safetensors"));
      CHECK(std::filesystem::exists(run / stage / "merged/model.safetensors"));
      CHECK(read_json_lines(run / stage / "metrics.jsonl").size() == 2);
    }
    std::filesystem::remove_all(run / "noise");
  }
  CHECK(server.requests() - before == 16);

  const auto again = run_program("povid", joined(options, {"--stages", "inject"}));
  CHECK(again.code == 0);  // the stage is done, and left as it is
  CHECK(server.requests() - before == 16);
  std::filesystem::remove(run / "inject/pairs.json");
  std::filesystem::remove(run / "inject/candidates.jsonl");
  const auto refused = run_program("povid", joined(options, {"--stages", "inject", "--max-new-tokens", "7"}));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("max-new-tokens"));
}
