// SPDX-License-Identifier: Apache-2.0
/// CHiP as a user runs it: the reference beside the policy in every step.
#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

program_end run_chip(const trainer_world& w, const std::filesystem::path& output,
                     std::vector<std::string> more) {
  more.insert(more.end(),
              {"--loss-type", "chip", "--model", w.model, "--data", w.pairs, "--images", w.images, "--output",
               output, "--batch-size", "3", "--logging-steps", "1", "--quiet", "true"});
  return run_program("image_dpo", more);
}

}  // namespace

TEST_CASE("chip trains against the policy without adapters, and against a second model", "[examples][chip]") {
  const trainer_world w;
  const std::vector<std::string> lora{"--lora-r", "4", "--reference", "adapters-off"},
      second{"--reference-model", w.model, "--reference", "each-step"};
  for (const auto& reference : {lora, second}) {
    const auto output = w.scratch / reference[0];
    auto options = reference;
    options.insert(options.end(), {"--epochs", "8", "--learning-rate", "3e-3"});
    const auto end = run_chip(w, output, options);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK(!std::filesystem::exists(output / "reference.safetensors"));
    const auto lines = read_json_lines(output / "metrics.jsonl");
    REQUIRE(lines.size() == 8);
    // At the reference all margins and divergences are zero.
    CHECK(lines.front().at("loss").get<double>() == Approx(0.693147).epsilon(1e-5));
    CHECK(lines.back().at("loss").get<double>() < 0.6);
    CHECK(lines.back().contains("rewards/imageless_margins"));
    for (const char* kl : {"kl/chosen", "kl/rejected"}) {
      CHECK(std::abs(lines.front().at(kl).get<double>()) < 1e-4);
      CHECK(lines.back().at(kl).get<double>() > 1e-3);
    }
  }
}

TEST_CASE("chip's token term and its forms are options, and it refuses a cache", "[examples][chip]") {
  const trainer_world w;
  write_tiny_llava(w.scratch / "reference", {.seed = 99});
  const auto loss = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--max-steps", "1", "--reference-model", w.scratch / "reference", "--reference",
                             "each-step", "--fresh-distortion", "false"});
    const auto end = run_chip(w, w.scratch / name, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(w.scratch / name / "metrics.jsonl").front().at("loss").get<double>();
  };
  // Summed, the token term is linear in its weight.
  const auto summed = [&](const std::string& weight) {
    return loss("summed" + weight, {"--fused", "false", "--token-weight", weight});
  };
  const double none = summed("0"), once = summed("1"), twice = summed("2");
  CHECK(std::abs(once - none) > 1e-4);
  CHECK(twice - once == Approx(once - none).epsilon(1e-4));
  CHECK(loss("fused", {}) != Approx(summed("0.1")).epsilon(1e-3));

  const auto end = run_chip(w, w.scratch / "cached", {"--max-steps", "1"});
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("no cache holds"));
}
