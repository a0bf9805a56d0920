// SPDX-License-Identifier: Apache-2.0
/// The trainer on photographs: RLHF-V in full, with adapters and in bfloat16 on pairs of real layout.

#include "examples/photo_world.hpp"

#include <cmath>
#include <cstdio>

using namespace candor_test;

namespace {

/// 24 steps of 8 pairs, six passes over the 32 pairs. Summed as the released scripts do, so that margins are
/// nats.
const std::vector<std::string> six_passes{"--preset",       "released", "--gamma",      "5", "--epochs", "6",
                                          "--lr-scheduler", "constant", "--batch-size", "8"};

/// The loss begins where policy and reference are the same and falls; what is preferred becomes likelier.
void check_learning(const std::vector<json>& lines) {
  REQUIRE(lines.size() == 24);
  CHECK(lines.front().at("loss").get<double>() == Approx(std::log(2.0)).margin(1e-6));
  const double first = mean_of(lines, "loss", 0, 4), last = mean_of(lines, "loss", 20, 4);
  INFO("loss " << first << " -> " << last);
  CHECK(last < 0.6 * first);
  CHECK(mean_of(lines, "rewards/accuracies", 20, 4) == 1.0);
  CHECK(mean_of(lines, "rewards/margins", 20, 4) > 0.5);
  for (const auto& line : lines) CHECK(line.at("grad_norm").get<double>() > 0);
  std::printf("loss %.4f -> %.4f, margin %.3f\n", first, last, mean_of(lines, "rewards/margins", 20, 4));
}

}  // namespace

TEST_CASE("RLHF-V learns from photographs, in full and with adapters", "[examples][photos]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  const photo_world w;
  const auto base = read_json_lines(w.score(w.model));

  SECTION("all weights") {
    const auto run = w.train("full", joined(six_passes, {"--learning-rate", "5e-4"}));
    check_learning(w.metrics("full"));
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.model", "tokenizer_config.json",
                             "added_tokens.json", "preprocessor_config.json"})
      CHECK(std::filesystem::exists(run / "model" / name));
    CHECK(difference(read_json_lines(w.score(run / "model")), base) > 0.1);
  }
  SECTION("adapters, with dropout") {
    const auto run = w.train("lora", joined(six_passes, {"--learning-rate", "1e-2", "--lora-r", "8",
                                                         "--lora-alpha", "16", "--lora-dropout", "0.05"}));
    check_learning(w.metrics("lora"));
    CHECK(std::filesystem::exists(run / "adapter" / "adapter_config.json"));
    CHECK(std::filesystem::exists(run / "adapter" / "adapter_model.safetensors"));
    CHECK(!std::filesystem::exists(run / "model"));
    CHECK(difference(read_json_lines(w.score(w.model, run / "adapter")), base) > 0.1);
  }
}

TEST_CASE("RLHF-V trains on photographs in bfloat16", "[examples][photos]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  const photo_world w;
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--lora-r", "4"}, {"--stochastic-rounding", "true"}}) {
    const std::string name = more.empty() ? "plain" : more[0].substr(2);
    const auto run =
        w.train(name, joined({"--preset", "released", "--dtype", "bf16", "--max-steps", "2", "--batch-size",
                              "4", "--learning-rate", "1e-3", "--warmup-ratio", "0"},
                             more));
    const auto lines = w.metrics(name);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].at("loss").get<double>() == Approx(std::log(2.0)).margin(1e-6));
    CHECK(std::abs(lines[1].at("loss").get<double>() - std::log(2.0)) > 1e-4);
    CHECK(std::filesystem::exists(run / (name == "lora-r" ? "adapter" : "model")));
  }
}
