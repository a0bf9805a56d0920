// SPDX-License-Identifier: Apache-2.0
/// The trainer of pairwise losses as a user runs it.
#include "examples/trainer_world.hpp"
#include "tools/tool_world.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

program_end run_dpo(const trainer_world& w, const std::filesystem::path& output,
                    std::vector<std::string> more) {
  more.insert(more.end(), {"--model", w.model, "--data", w.pairs, "--images", w.images, "--output", output,
                           "--quiet", "true"});
  return run_program("dpo", more);
}

}  // namespace

TEST_CASE("dpo lowers every pairwise loss, and computes a reference only where one is read",
          "[examples][dpo]") {
  const trainer_world w;
  for (const std::string type : {"sigmoid", "aot_unpaired", "kto_pair", "simpo", "orpo"}) {
    const auto output = w.scratch / type;
    const auto end = run_dpo(w, output,
                             {"--loss-type", type, "--epochs", "12", "--learning-rate", "3e-3",
                              "--batch-size", "3", "--logging-steps", "1"});
    INFO(type << ": " << end.err);
    REQUIRE(end.code == 0);
    CHECK(std::filesystem::exists(output / "model/model.safetensors"));
    const bool free = type == "simpo" || type == "orpo";
    CHECK(std::filesystem::exists(output / "reference.safetensors") != free);
    const auto lines = read_json_lines(output / "metrics.jsonl");
    REQUIRE(lines.size() == 12);
    const double first = lines.front().at("loss"), last = lines.back().at("loss");
    INFO(first << " -> " << last);
    CHECK(last < first);
    CHECK(lines.back().at("rewards/accuracies").get<double>() == 1.0);
  }
}

TEST_CASE("a weighted sum of losses is the sum of its losses", "[examples][dpo]") {
  const trainer_world w;
  const auto loss = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--max-steps", "1", "--shuffle", "false"});
    const auto end = run_dpo(w, w.scratch / name, more);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(w.scratch / name / "metrics.jsonl").front().at("loss").get<double>();
  };
  const double sum =
      loss("mpo", {"--loss-type", "sigmoid", "bco_pair", "sft", "--loss-weights", "0.8", "0.2", "1"});
  const double parts =
      0.8 * loss("a", {}) + 0.2 * loss("b", {"--loss_type", "bco_pair"}) + loss("c", {"--loss-type", "sft"});
  CHECK(sum == Approx(parts).epsilon(1e-5));
}

TEST_CASE("dpo refuses losses that cannot be meant", "[examples][dpo]") {
  const trainer_world w;
  const auto refused = [&](const std::vector<std::string>& options, const std::string& why) {
    const auto end = run_dpo(w, w.scratch / "refused", options);
    INFO(end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains(why));
  };
  refused({"--loss-type", "sigmod"}, "--loss-type sigmod is unknown");
  refused({"--loss-type", "kto_pair", "--batch-size", "1"}, "compares the pairs of a step");
  refused({"--loss-type", "sigmoid", "sft", "--loss-weights", "1"}, "--loss-weights has 1 numbers");
  refused({"--loss-type", "exo_pair", "--label-smoothing", "0"}, "infinite without label smoothing");
  refused({"--f-divergence-type", "kl"}, "--f-divergence-type kl is unknown");
  CHECK(!std::filesystem::exists(w.scratch / "refused"));
}
