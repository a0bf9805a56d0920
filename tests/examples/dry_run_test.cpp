// SPDX-License-Identifier: Apache-2.0
/// --dry-run: what it shows, that it needs no weights and writes nothing, and how near its memory is to the
/// peak of the training that it stands for.

#include "examples/trainer_world.hpp"

#include <cmath>
#include <cstdio>
#include <sstream>

using namespace candor_test;

namespace {

/// The number in the last column of the line that begins with `name`.
double last_number(const std::string& report, const std::string& name) {
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) return std::stod(line.substr(line.find_last_of(' ')));
  FAIL("no line begins with " << name);
  return 0;
}

/// "peak 0.1234 GiB" of the last progress line.
double peak_of(const std::string& said) {
  const auto at = said.rfind("peak ");
  REQUIRE(at != said.npos);
  return std::stod(said.substr(at + 5));
}

}  // namespace

TEST_CASE("a dry run shows two records, steps, memory and disk, needs no weights and writes nothing",
          "[examples][dry-run]") {
  const trainer_world w;
  std::filesystem::remove(w.model / "model.safetensors");
  std::string lines_of_pairs;
  for (const char* picture : {"0.png", "1.png", "2.png"})
    lines_of_pairs +=
        candor::text(R"({"image": ")", picture,
                     R"(", "question": "describe the picture .", "chosen": "there is a red circle )"
                     R"(in the picture .", "rejected": "there is a blue square in the picture ."})"
                     "\n");
  candor::write_atomically(w.pairs, lines_of_pairs);
  const auto end = w.run({"--dry-run", "--epochs", "8", "--gamma", "5", "--warmup-ratio", "0.1",
                          "--save-steps", "4", "--eval-fraction", "0.34", "--lora-r", "4"});
  INFO(end.out << end.err);
  REQUIRE(end.code == 0);
  CHECK(!std::filesystem::exists(w.output));
  for (const char* part :
       {"pairs.jsonl:1\n", "pairs.jsonl:2\n", "(image, 4 tokens)", "▁red", "</s>",
        "3, 2 of them to train on, 1 to evaluate on", "8 = 2 records x 8 epochs / 2 pairs a step",
        ", 1 of them warm up, cosine, peak rate 5e-07", "every 4 steps and at the end, 2 times", "\npeak ",
        "GiB available", "2 checkpoints kept", "Nothing was trained"})
    CHECK_THAT(end.out, contains(part));
  CHECK(end.out.find("pairs.jsonl:3") == std::string::npos);

  // What differs has weight 5, the rest 1, the prompt none.
  std::istringstream lines(end.out);
  std::vector<std::string> chosen;
  for (std::string line; std::getline(lines, line) && line.find("rejected") == line.npos;)
    if (line.find("chosen") != line.npos) chosen.push_back(line);
  REQUIRE(chosen.size() == 3);
  CHECK(chosen[0].find(" 1  ▁there") != std::string::npos);
  CHECK(chosen[1].find(" 5  ▁red") != std::string::npos);
  CHECK(chosen[2].find(" 1  ▁in") != std::string::npos);
  CHECK_THAT(chosen[2], contains("</s>"));
}

TEST_CASE("a dry run tells what is wrong with the input", "[examples][dry-run]") {
  const trainer_world w;
  w.refused(3, {"pairs.jsonl:4", "chosen"},
            {"--dry-run", "--data", [&] {
               const auto path = w.scratch / "bad" / "pairs.jsonl";
               std::filesystem::create_directories(path.parent_path());
               candor::write_atomically(path, pair_lines + "{\"image\": \"0.png\", \"question\": \"?\"}\n");
               return path.string();
             }()});
  std::filesystem::remove(w.model / "config.json");
  w.refused(3, {"config.json"}, {"--dry-run"});
}

TEST_CASE("the memory of a dry run is within 15 % of the peak of the training", "[examples][dry-run]") {
  // 112 pixels are 64 tokens; weights, states and activations are each large beside the program itself.
  const trainer_world w(
      {.image_size = 112, .width = 448, .layers = 6, .heads = 7, .kv_heads = 7, .scale = 0.02});
  for (const auto& [name, options] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"all weights", {}},
           {"all weights, passes", {"--max-tokens", "250"}},
           {"bf16", {"--dtype", "bf16"}},
           {"LoRA", {"--lora-r", "8"}},
           {"LoRA, long passes", {"--lora-r", "8", "--batch-size", "24"}},
           {"recomputed", {"--batch-size", "24", "--recompute", "true"}}}) {
    const auto common = joined({"--threads", "1", "--batch-size", "6", "--quiet", "false"}, {});
    auto all = common;
    for (std::size_t i = 0; i < options.size(); i += 2) {
      const auto known = std::find(all.begin(), all.end(), options[i]);
      if (known != all.end())
        *(known + 1) = options[i + 1];
      else
        all.insert(all.end(), {options[i], options[i + 1]});
    }
    const auto planned = w.run(joined(all, {"--dry-run"}));
    INFO(name << "\n" << planned.out << planned.err);
    REQUIRE(planned.code == 0);
    const auto trained = w.run(all);
    REQUIRE(trained.code == 0);
    std::filesystem::remove_all(w.output);
    const double expected = last_number(planned.out, "peak"), real = peak_of(trained.err);
    std::printf("%-20s planned %.3f GiB, real peak %.3f GiB, %+.1f %%\n", name.c_str(), expected, real,
                100 * (expected / real - 1));
    CHECK(std::abs(expected / real - 1) < 0.15);
  }
}
