// SPDX-License-Identifier: Apache-2.0
/// What the trainer writes, read by transformers and peft: tests/interop.py compares their log-probs with
/// those of `score`. Skipped where no Python with these modules is found.

#include "examples/photo_world.hpp"
#include "examples/trainer_world.hpp"

#include <candor/core/fault.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace candor_test;

namespace {

/// $CANDOR_PYTHON, or the one that CMake found.
std::string python() {
  if (const char* given = std::getenv("CANDOR_PYTHON")) return given;
#ifdef CANDOR_PYTHON
  return CANDOR_PYTHON;
#else
  return "";
#endif
}

/// Why the modules cannot be used; empty where they can.
std::string why_not() {
  if (python().empty() || !std::filesystem::exists(python())) return "no Python is found; set CANDOR_PYTHON";
  if (run_program(python(), {"-c", "import torch, transformers, peft, safetensors, sentencepiece, PIL"})
          .code != 0)
    return python() + " lacks torch, transformers, peft or what they need";
  return "";
}

void agrees(std::vector<std::string> arguments) {
  constexpr int modules_are_missing = 77;
  arguments.insert(arguments.begin(), candor_test::tests_folder() / "interop.py");
  const auto end = run_program(python(), arguments);
  if (end.code == modules_are_missing) CANDOR_SKIP(end.out);
  INFO(end.out << end.err);
  CHECK(end.code == 0);
  std::printf("%s", end.out.c_str());
}

}  // namespace

TEST_CASE("transformers and peft compute the same log-probs from what training on photographs writes",
          "[examples][interop]") {
  if (!photo_data().present()) CANDOR_SKIP("the photographs or LLaMA's tokenizer are absent");
  if (const auto why = why_not(); !why.empty()) CANDOR_SKIP(why);
  const photo_world w;
  const auto train = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--preset", "released", "--max-steps", "4", "--batch-size", "4"});
    return w.train(name, more);
  };
  const auto agree = [&](std::vector<std::string> which, const std::filesystem::path& scores) {
    which.insert(which.end(), {"--input", w.questions(), "--images", w.data.images, "--scores", scores,
                               "--template", "vicuna_v1", "--image-transform", "pad"});
    agrees(which);
  };
  const auto full = train("full", {"--learning-rate", "1e-3"}) / "model";
  agree({"model", "--folder", full}, w.score(full));

  const auto adapter =
      train("lora", {"--learning-rate", "1e-2", "--lora-r", "8", "--lora-alpha", "16"}) / "adapter";
  const auto scores = w.score(w.model, adapter);
  agree({"adapter", "--base", w.model, "--adapter", adapter}, scores);

  const auto merged = w.scratch / "merged" / "model";
  const auto end =
      run_program("export", {"--model", w.model, "--adapter", adapter, "--output", merged, "--quiet"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  agree({"model", "--folder", merged}, w.score(merged));
  CHECK(difference(read_json_lines(w.score(merged)), read_json_lines(scores)) < 1e-4);
}

TEST_CASE("transformers reads the embedded world's base, aligned, adapted and fine-tuned, with the same ids",
          "[examples][interop]") {
  if (const auto why = why_not(); !why.empty()) CANDOR_SKIP(why);
  const scratch_folder scratch;
  const auto base = candor_test::examples_folder() / "scenes/base";
  const auto train = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"--pictures", "40", "--output", scratch / name, "--quiet", "true"});
    const auto end = run_program("rlhf_v", more);
    INFO(end.err);
    REQUIRE(end.code == 0);
  };
  train("full", {});
  train("lora", {"--lora-r", "4", "--learning-rate", "1e-3"});

  const auto data = scratch / "full/data";
  std::string lines;
  json dialogs = json::array();
  for (const auto& pair : read_json_lines(data / "pairs.jsonl")) {
    lines += json{{"image", pair["image"]},
                  {"question", pair["question"]},
                  {"responses", {pair["chosen"], pair["rejected"]}}}
                 .dump() +
             "\n";
    dialogs.push_back({{"image", pair["image"]},
                       {"conversations",
                        {{{"from", "human"}, {"value", "<image>\n" + pair["question"].get<std::string>()}},
                         {{"from", "gpt"}, {"value", pair["chosen"]}}}}});
  }
  candor::write_atomically(scratch / "questions.jsonl", lines);
  candor::write_atomically(scratch / "dialogs.json", dialogs.dump());
  const auto tuned = run_program(
      "sft", {"--model", base, "--data", scratch / "dialogs.json", "--images", data / "images", "--output",
              scratch / "sft", "--epochs", "2", "--learning-rate", "1e-3", "--quiet", "true"});
  INFO(tuned.err);
  REQUIRE(tuned.code == 0);
  const auto agree = [&](std::vector<std::string> which, const std::filesystem::path& model,
                         const std::filesystem::path& adapter = {}) {
    const std::vector<std::string> input{"--input", scratch / "questions.jsonl", "--images", data / "images"};
    std::vector<std::string> asked{"--model", model, "--output", scratch / "scores.jsonl"};
    if (!adapter.empty()) asked.insert(asked.end(), {"--adapter", adapter});
    asked.insert(asked.end(), input.begin(), input.end());
    const auto end = run_program("score", asked);
    INFO(end.err);
    REQUIRE(end.code == 0);
    which.insert(which.end(), {"--scores", scratch / "scores.jsonl", "--template", "llava_hf",
                               "--image-transform", "centre_crop"});
    which.insert(which.end(), input.begin(), input.end());
    agrees(which);
  };
  agree({"model", "--folder", base}, base);
  agree({"model", "--folder", scratch / "full/run/model"}, scratch / "full/run/model");
  agree({"adapter", "--base", base, "--adapter", scratch / "lora/run/adapter"}, base,
        scratch / "lora/run/adapter");
  agree({"model", "--folder", scratch / "sft/model"}, scratch / "sft/model");
}

TEST_CASE("TensorBoard reads a run that was killed and resumed with each point once",
          "[examples][interop][events]") {
  if (python().empty() || run_program(python(), {"-c", "import tensorboard"}).code != 0)
    CANDOR_SKIP("no Python with tensorboard is found; set CANDOR_PYTHON");
  const trainer_world w;
  const std::vector<std::string> options{"--epochs", "6", "--save-steps",    "2",
                                         "--lora-r", "2", "--eval-fraction", "0.34"};
  auto again = options;
#if CANDOR_FAULT_POINTS
  ::setenv("CANDOR_FAULT", "trainer.before_update:4:kill", 1);
  const auto killed = w.run(options);
  ::unsetenv("CANDOR_FAULT");
  REQUIRE(killed.signal == SIGKILL);
  again.insert(again.end(), {"--resume", "auto"});
#endif
  const auto end = w.run(again);
  INFO(end.err);
  REQUIRE(end.code == 0);
  agrees({"events", "--run", w.output});
}
