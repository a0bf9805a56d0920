// SPDX-License-Identifier: Apache-2.0
/// Supervised fine-tuning as a user runs it, on LLaVA's form of records.
#include "support/program.hpp"
#include "support/tiny_llava.hpp"
#include "tools/tool_world.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

using namespace candor_test;

namespace {

/// A tiny model, pictures, and dialogs: with an image and several turns, and without an image.
struct sft_world {
  scratch_folder scratch;
  std::filesystem::path model = scratch / "model", images = scratch / "images", data = scratch / "llava.json";

  sft_world() {
    write_tiny_llava(model);
    write_tiny_pictures(images, 3);
    json records = json::array();
    for (int i = 0; i < 6; ++i) {
      const auto say = [](const char* who, const std::string& what) {
        return json{{"from", who}, {"value", what}};
      };
      json record{{"id", std::to_string(i)},
                  {"conversations",
                   {say("human", i % 3 == 2 ? "is it so ?" : "what is there ?\n<image>"),
                    say("gpt", "a red circle ."), say("human", "where ?"), say("gpt", "in the middle")}}};
      if (i % 3 != 2) record["image"] = candor::text(i % 3, ".png");
      records.push_back(record);
    }
    candor::write_atomically(data, records.dump(2));
  }
  program_end run(std::vector<std::string> more) const {
    more.insert(more.end(), {"--model", model, "--data", data, "--images", images, "--quiet", "true"});
    return run_program("sft", more);
  }
};

}  // namespace

TEST_CASE("sft learns dialogs in full and with adapters, with images and without", "[examples][sft]") {
  const sft_world w;
  for (const bool lora : {false, true}) {
    const auto output = w.scratch / (lora ? "lora" : "full");
    std::vector<std::string> options{"--output", output, "--batch-size",    "3",
                                     "--epochs", "20",   "--learning-rate", lora ? "3e-2" : "1e-2"};
    if (lora) options.insert(options.end(), {"--lora-r", "4"});
    const auto end = w.run(options);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK_THAT(end.out, contains("40 steps in"));
    CHECK(std::filesystem::exists(output /
                                  (lora ? "adapter/adapter_model.safetensors" : "model/model.safetensors")));
    const auto lines = read_json_lines(output / "metrics.jsonl");
    REQUIRE(lines.size() == 40);
    const double first = lines.front().at("loss"), last = lines.back().at("loss");  // nats a token
    INFO(first << " -> " << last);
    CHECK(last < (lora ? 0.6 : 0.2) * first);  // the head of this random model stays as it is under adapters
    CHECK(!std::filesystem::exists(output / "reference.safetensors"));
  }
}

TEST_CASE("the loss of sft is that of the answers' tokens", "[examples][sft]") {
  const sft_world w;
  const auto loss = [&](const std::string& average) {
    const auto end = w.run({"--output", w.scratch / average, "--max-steps", "1", "--average", average,
                            "--batch-size", "6", "--shuffle", "false"});
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(w.scratch / average / "metrics.jsonl").front();
  };
  const auto mean = loss("record"), sum = loss("none"), step = loss("step");
  CHECK(sum.at("loss").get<double>() == Approx(-sum.at("logps/chosen").get<double>()).epsilon(1e-6));
  CHECK(mean.at("logps/chosen").get<double>() == sum.at("logps/chosen").get<double>());
  CHECK(mean.at("loss").get<double>() < 0.3 * sum.at("loss").get<double>());
  // Sums over means are the step's scored tokens, six records of them: a whole number.
  const double tokens = 6 * sum.at("loss").get<double>() / step.at("loss").get<double>();
  CHECK(tokens == Approx(std::round(tokens)).margin(1e-3));
  // These answers are equally long, so that both means are the same.
  CHECK(mean.at("loss").get<double>() == Approx(step.at("loss").get<double>()));
}

TEST_CASE("a dry run of sft shows dialogs with what is scored, and writes nothing", "[examples][sft]") {
  const sft_world w;
  const auto end = w.run({"--output", w.scratch / "dry", "--dry-run"});
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.out, contains("llava.json:2: [0]") && contains("(image, 4 tokens)") && contains("question"));
  CHECK(!std::filesystem::exists(w.scratch / "dry"));
}

TEST_CASE("sft refuses what it cannot use", "[examples][sft]") {
  const sft_world w;
  const auto end = run_program("sft", {"--output", w.scratch / "a"});
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("--model and --data are needed"));
  candor::write_atomically(
      w.data, R"([{"conversations": [{"from": "human", "value": "q"}, {"from": "human", "value": "q"}]}])");
  const auto bad = w.run({"--output", w.scratch / "b"});
  CHECK(bad.code == 3);
  CHECK_THAT(bad.err,
             contains("llava.json:1: [0]: conversations[1]: two messages of the user follow each other"));
}
