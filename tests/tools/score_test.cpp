// SPDX-License-Identifier: Apache-2.0
/// `score` on a tiny model: its numbers are the library's, whatever the layout, the budget and the naming.

#include "tools/tool_world.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/model/llava.hpp>

#include <signal.h>

using namespace candor_test;

TEST_CASE("score writes the tokens and log-probs that the library computes, in the order of the input",
          "[tools][score]") {
  const tool_world w;
  const auto lines = w.lines("score");
  candor::host cpu;
  auto model = candor::load_llava<float>(cpu, w.model);
  const candor::questions_data data(w.input, {.images = w.images});
  REQUIRE(static_cast<std::int64_t>(lines.size()) == data.size());
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto record = data.record(i);
    const auto encoded = model.processor().encode(record.question, record.responses, 1);
    const candor::encoded_record ready{model.processor().tree(encoded),
                                       model.processor().pixels(record.images)};
    const candor::encoded_record* const pointer = &ready;
    const auto expected = candor::score(model.network(), std::span(&pointer, 1));
    const auto& responses = lines[static_cast<std::size_t>(i)].at("responses");
    REQUIRE(responses.size() == record.responses.size());
    for (std::size_t a = 0; a < responses.size(); ++a) {
      CHECK(responses[a].at("tokens").get<std::vector<std::int32_t>>() == encoded.answers[a].ids);
      CHECK(responses[a].at("tokens").back() == 2);
      const auto& log_probs = responses[a].at("logps");
      REQUIRE(log_probs.size() == expected[0][a].size());
      double sum = 0;
      for (std::size_t t = 0; t < log_probs.size(); ++t) {
        CHECK(log_probs[t].get<double>() == Approx(expected[0][a][t]).margin(1e-5));
        sum += static_cast<double>(log_probs[t].get<float>());
      }
      CHECK(responses[a].at("sum").get<double>() == sum);
    }
  }
}

TEST_CASE("score's four layouts agree, with any token budget and number of threads", "[tools][score]") {
  const tool_world w;
  const auto expected = w.lines("score");
  for (const char* layout : {"shared", "packed", "padded", "single"})
    CHECK(difference(w.lines("score", {"--layout", layout, "--max-tokens", "60"}), expected) < 1e-5);
  CHECK(difference(w.lines("score", {"--max-tokens", "1", "--threads", "1"}), expected) < 1e-5);
}

TEST_CASE("score takes the best of the answers by the implicit reward against another model",
          "[tools][score]") {
  const tool_world w;
  const auto adapter = w.scratch / "adapter";
  write_tiny_adapter(adapter, w.config);
  const auto now = w.lines("score", {"--adapter", adapter}), before = w.lines("score");
  const auto rewarded =
      w.lines("score", {"--adapter", adapter, "--reference-model", w.model, "--beta", "0.5"});
  const candor::questions_data data(w.input, {.images = w.images});
  REQUIRE(rewarded.size() == now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    std::vector<double> rewards;
    for (std::size_t a = 0; a < now[i]["responses"].size(); ++a) {
      const auto &x = now[i]["responses"][a], &y = before[i]["responses"][a];
      rewards.push_back(0.5 * (x["sum"].get<double>() - y["sum"].get<double>()) /
                        static_cast<double>(x["tokens"].size()));
      CHECK(rewarded[i]["responses"][a]["reward"].get<double>() == Approx(rewards.back()).margin(1e-5));
    }
    const auto best = std::max_element(rewards.begin(), rewards.end()) - rewards.begin();
    CHECK(rewarded[i]["best"] == best);
    CHECK(rewarded[i]["answer"] ==
          data.record(static_cast<std::int64_t>(i)).responses[static_cast<std::size_t>(best)]);
  }

  // Of samples: what `generate` wrote to the same questions.
  const auto samples = w.results / "samples.jsonl";
  REQUIRE(
      w.run("generate", "samples.jsonl", {"--samples", "4", "--temperature", "1", "--max-new-tokens", "6"})
          .code == 0);
  const auto best =
      w.lines("score", {"--adapter", adapter, "--reference-model", w.model, "--responses", samples});
  const auto sampled = read_json_lines(samples);
  for (std::size_t i = 0; i < best.size(); ++i) {
    REQUIRE(best[i]["responses"].size() == 4);
    const auto place = best[i]["best"].get<std::size_t>();
    CHECK(best[i]["answer"] == sampled[i]["responses"][place]);
    for (const auto& response : best[i]["responses"])
      CHECK(response["reward"].get<double>() <= best[i]["responses"][place]["reward"].get<double>());
  }
  candor::write_atomically(samples, sampled[0].dump() + "\n");
  const auto few = w.run("score", "out.jsonl", {"--responses", samples});
  CHECK(few.code == 3);
  CHECK_THAT(few.err, contains("has 1 lines for the 3 questions"));
}

TEST_CASE("score in bf16 stays near fp32", "[tools][score]") {
  const tool_world w;
  const auto apart = difference(w.lines("score", {"--dtype", "bf16"}), w.lines("score"));
  CHECK(apart > 0);
  CHECK(apart < 0.15);
}

TEST_CASE("Template and image transform are those that the options name", "[tools][score]") {
  const tool_world w;
  const auto own = w.lines("score");
  CHECK(w.lines("score", {"--template", "llava_hf", "--image-transform", "pad"}) == own);
  CHECK(difference(w.lines("score", {"--template", "vicuna_v1"}), own) > 1e-3);
  CHECK(difference(w.lines("score", {"--image-transform", "squash"}), own) > 1e-3);
}

TEST_CASE("An adapter changes the scores, and merged into the weights gives the same ones",
          "[tools][score][export]") {
  const tool_world w;
  write_tiny_adapter(w.scratch / "adapter", w.config);
  const std::string adapter = w.scratch / "adapter";
  const auto adapted = w.lines("score", {"--adapter", adapter});
  CHECK(difference(adapted, w.lines("score")) > 1e-2);
  const auto merged = w.exported("merged", {"--adapter", adapter});
  CHECK(difference(w.lines("score", {}, merged), adapted) < 1e-4);
}

TEST_CASE("score stopped by SIGINT leaves with 75 and no file", "[tools][score]") {
  const tool_world w;
  std::string many;
  for (int i = 0; i < 3000; ++i) many += questions;
  candor::write_atomically(w.input, many);
  const scratch_folder said;
  const pid_t child = start_program("score",
                                    {"--model", w.model, "--images", w.images, "--input", w.input, "--output",
                                     w.results / "out.jsonl", "--max-tokens", "100"},
                                    said.path());
  for (int i = 0; i < 60'000 && std::filesystem::is_empty(w.results); ++i) ::usleep(1000);
  REQUIRE(::kill(child, SIGINT) == 0);
  const auto end = end_program(child, said.path());
  CHECK(end.code == 75);
  CHECK_THAT(end.err, contains("stopped by SIGINT"));
  CHECK(std::filesystem::is_empty(w.results));
}
