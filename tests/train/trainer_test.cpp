// SPDX-License-Identifier: Apache-2.0
#include "train/train_world.hpp"

#include <candor/io/safetensors.hpp>

#include <cmath>
#include <set>

using namespace candor_test;

namespace {

std::string weights_of(const std::filesystem::path& run) {
  return candor::read_file(run / "model/model.safetensors");
}

/// All numbers of a safetensors file, in the order of their names.
std::vector<double> numbers_of(const std::filesystem::path& path) {
  const candor::safetensors_file file(path);
  std::map<std::string, std::vector<float>> tensors;
  for (const auto& t : file.tensors()) tensors[t.name] = file.read_as<float>(t);
  std::vector<double> out;
  for (const auto& [name, values] : tensors) out.insert(out.end(), values.begin(), values.end());
  return out;
}

/// The word `poison` gives every answer that contains it a log-prob that is not finite.
void poison(const std::filesystem::path& model, const std::string& word) {
  const candor::tokenizer words(model);
  const auto id = words.encode(" " + word).back();
  const auto path = model / "model.safetensors";
  const candor::safetensors_file file(path);
  std::string bytes = candor::read_file(path);
  for (const auto& t : file.tensors()) {
    if (!t.name.ends_with("embed_tokens.weight")) continue;
    auto values = file.read_as<float>(t);
    const auto width = static_cast<std::size_t>(t.extents[1]);
    const auto row = static_cast<std::size_t>(id) * width;
    const std::string_view sound(reinterpret_cast<const char*>(values.data() + row), width * sizeof(float));
    const auto at = bytes.find(sound);
    REQUIRE(at != bytes.npos);
    const std::vector<float> bad(width, INFINITY);
    bytes.replace(at, sound.size(), reinterpret_cast<const char*>(bad.data()), sound.size());
  }
  candor::write_atomically(path, bytes);
}

}  // namespace

TEST_CASE("a seed decides every byte of a run", "[train][trainer]") {
  const train_world world;
  for (const words& kind : {words{}, lora}) {
    words options = kind;
    options.insert(options.end(), {"--eval-fraction", "0.2"});
    world.trained("first", options);
    options.insert(options.end(), {"--threads", "2"});
    world.trained("second", options);
    check_same(world.results("first"), world.results("second"));
    options.insert(options.end(), {"--seed", "43"});
    world.trained("other", options);
    const auto first = world.results("first"), other = world.results("other");
    CHECK(first.at("metrics.jsonl") != other.at("metrics.jsonl"));
    for (const char* run : {"first", "second", "other"}) std::filesystem::remove_all(world.run(run));
  }
}

TEST_CASE("without shuffling the records come in the order of the file", "[train][trainer]") {
  const train_world world;
  const words one{"--batch-size", "1", "--learning-rate", "0", "--shuffle", "false"};
  world.trained("run", one);
  const auto loss = values_of(world.metrics("run"), "logps/chosen");
  REQUIRE(loss.size() == 20);
  for (std::size_t i = 0; i < 10; ++i) CHECK(loss[i] == loss[i + 10]);  // two epochs, nothing learnt
  CHECK(std::set<double>(loss.begin(), loss.end()).size() == 10);
  // Shorter files: their records are the first ones.
  world.write_pairs(4);
  world.trained("short", one);
  const auto begin = values_of(world.metrics("short"), "logps/chosen");
  REQUIRE(begin.size() == 8);
  for (std::size_t i = 0; i < 4; ++i) CHECK(begin[i] == loss[i]);

  world.write_pairs(10);
  world.trained("shuffled", {"--batch-size", "1", "--learning-rate", "0"});
  const auto mixed = values_of(world.metrics("shuffled"), "logps/chosen");
  REQUIRE(mixed.size() == 20);
  const std::vector<double> epoch1(mixed.begin(), mixed.begin() + 10),
      epoch2(mixed.begin() + 10, mixed.end());
  CHECK(std::set<double>(epoch1.begin(), epoch1.end()) == std::set<double>(loss.begin(), loss.end()));
  CHECK(std::set<double>(epoch2.begin(), epoch2.end()) == std::set<double>(loss.begin(), loss.end()));
  CHECK(epoch1 != epoch2);
  CHECK(epoch1 != std::vector<double>(loss.begin(), loss.begin() + 10));
}

TEST_CASE("passes and layouts change the losses by rounding only", "[train][trainer]") {
  const train_world world;
  for (const words& kind : {words{}, lora}) {
    const auto run = [&](const std::string& name, words options) {
      options.insert(options.end(), kind.begin(), kind.end());
      world.trained(name, options);
      const auto losses = values_of(world.metrics(name), "loss");
      std::filesystem::remove_all(world.run(name));
      return losses;
    };
    const auto whole = run("whole", {"--batch-size", "5"});
    REQUIRE(whole.size() == 4);
    CHECK(largest_difference(whole, run("small", {"--batch-size", "5", "--max-tokens", "1"})) < 1e-5);
    CHECK(largest_difference(whole, run("packed", {"--batch-size", "5", "--layout", "packed"})) < 1e-5);
    CHECK(largest_difference(whole, run("padded", {"--batch-size", "5", "--layout", "padded"})) < 1e-5);
    CHECK(whole == run("again", {"--batch-size", "5", "--recompute", "true"}));
  }
}

TEST_CASE("recomputing layers gives the same weights to the bit", "[train][trainer]") {
  const train_world world;
  words options = lora;
  world.trained("kept", options);
  options.insert(options.end(), {"--recompute", "true"});
  world.trained("again", options);
  CHECK(candor::read_file(world.run("kept") / "adapter/adapter_model.safetensors") ==
        candor::read_file(world.run("again") / "adapter/adapter_model.safetensors"));
}

TEST_CASE("metrics have TRL's names, and those of the evaluation a prefix", "[train][trainer]") {
  const train_world world;
  world.trained("run", {"--eval-fraction", "0.2", "--eval-steps", "3"});
  const auto lines = world.metrics("run");
  const std::set<std::string> train{
      "loss",         "learning_rate",  "grad_norm",        "epoch",           "global_step",
      "num_tokens",   "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies",
      "logps/chosen", "logps/rejected"};
  std::set<std::string> eval;
  for (const auto& name : train)
    if (name != "learning_rate" && name != "grad_norm")
      eval.insert(name == "epoch" || name == "global_step" || name == "num_tokens" ? name : "eval_" + name);
  std::vector<double> evaluated;
  for (const auto& line : lines) {
    std::set<std::string> names;
    for (const auto& [name, value] : line.items()) names.insert(name);
    CHECK(names == (line.contains("loss") ? train : eval));
    if (!line.contains("loss")) evaluated.push_back(line.at("global_step").get<double>());
  }
  CHECK(evaluated == std::vector<double>{3, 6, 8});
  CHECK(values_of(lines, "loss").size() == 8);
  // Before any change the policy is the reference.
  CHECK(values_of(lines, "rewards/margins").front() == Approx(0).margin(1e-6));
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (lines[i].contains("rewards/margins"))
      CHECK(
          lines[i].at("rewards/margins").get<double>() ==
          Approx(lines[i].at("rewards/chosen").get<double>() - lines[i].at("rewards/rejected").get<double>())
              .margin(1e-12));
}

TEST_CASE("the trainer learns to prefer the chosen answers", "[train][trainer]") {
  const train_world world;
  world.trained("run", {"--epochs", "12", "--learning-rate", "3e-3"});
  const auto lines = world.metrics("run");
  const auto loss = values_of(lines, "loss"), right = values_of(lines, "rewards/accuracies");
  CHECK(loss.back() < 0.8 * loss.front());
  CHECK(right.back() == 1.0);
}

TEST_CASE("logged values are means over their window", "[train][trainer]") {
  const train_world world;
  world.trained("each");
  world.trained("windows", {"--logging-steps", "3"});
  const auto each = world.metrics("each"), windows = world.metrics("windows");
  REQUIRE(each.size() == 10);
  REQUIRE(windows.size() == 4);
  for (const char* name : {"loss", "rewards/chosen", "logps/rejected", "grad_norm", "learning_rate"}) {
    const auto single = values_of(each, name), mean = values_of(windows, name);
    for (std::size_t w = 0; w < 3; ++w)
      CHECK(mean[w] == Approx((single[3 * w] + single[3 * w + 1] + single[3 * w + 2]) / 3).epsilon(1e-12));
    CHECK(mean[3] == Approx(single[9]).epsilon(1e-12));
  }
  CHECK(values_of(windows, "global_step") == std::vector<double>{3, 6, 9, 10});
  CHECK(values_of(windows, "num_tokens").back() == values_of(each, "num_tokens").back());
  CHECK(weights_of(world.run("each")) == weights_of(world.run("windows")));
}

TEST_CASE("a number of steps goes before epochs", "[train][trainer]") {
  const train_world world;
  world.trained("run", {"--max-steps", "3", "--save-steps", "2"});
  CHECK(values_of(world.metrics("run"), "global_step") == std::vector<double>{1, 2, 3});
  CHECK(std::filesystem::exists(world.run("run") / "checkpoint-2"));
  CHECK(std::filesystem::exists(world.run("run") / "checkpoint-3"));
  world.trained("long", {"--max-steps", "12"});  // past the end of the epochs
  CHECK(world.metrics("long").size() == 12);
}

TEST_CASE("the model without adapters, the cache and a second model are one reference", "[train][trainer]") {
  const train_world world;
  const auto losses = [&](const std::string& name, words options) {
    options.insert(options.end(), lora.begin(), lora.end());
    world.trained(name, options);
    return values_of(world.metrics(name), "loss");
  };
  const auto cached = losses("cache", {});
  CHECK(largest_difference(cached, losses("off", {"--reference", "adapters-off"})) < 1e-5);
  CHECK(largest_difference(cached, losses("second", {"--reference-model", world.model})) < 1e-5);
  const auto other = world.scratch / "other";
  write_tiny_llava(other, {.seed = 2});
  CHECK(largest_difference(cached, losses("third", {"--reference-model", other})) > 1e-2);
}

TEST_CASE("a step whose loss is not finite leaves the weights alone", "[train][trainer][numeric]") {
  const train_world world;
  poison(world.model, "house");
  const words options{"--batch-size",   "1",        "--epochs", "1", "--shuffle",   "false",
                      "--lr-scheduler", "constant", "--lora-r", "2", "--reference", "adapters-off",
                      "--warmup-ratio", "0"};
  world.write_pairs(4);
  const auto clean = world.trained("clean", options) / "adapter/adapter_model.safetensors";
  CHECK(values_of(world.metrics("clean"), "skipped_steps").empty());
  // The same pairs with bad ones between them, never five in a row.
  const std::string lines = candor::read_file(world.data);
  const auto second = lines.find('\n') + 1;
  const std::string bad =
      R"({"image": "0.png", "question": "describe the picture .", "chosen": "a house .", "rejected": "a dog ."})"
      "\n";
  candor::write_atomically(
      world.data, bad + lines.substr(0, second) + bad + bad + bad + bad + lines.substr(second) + bad);
  words loud = options;
  loud.insert(loud.end(), {"--quiet", "false"});
  const auto end = world.start("skipping", loud);
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.err, contains("step 3 is skipped"));
  CHECK(candor::read_file(clean) ==
        candor::read_file(world.run("skipping") / "adapter/adapter_model.safetensors"));
  CHECK(values_of(world.metrics("skipping"), "skipped_steps").back() == 6);
  CHECK(values_of(world.metrics("skipping"), "loss").size() == 4);
}

TEST_CASE("five steps in a row that are not finite end the run with code 4", "[train][trainer][numeric]") {
  const train_world world;
  // After the first step the weights are so large that nothing is finite any more.
  const auto end =
      world.start("run", {"--learning-rate", "1e30", "--lr-scheduler", "constant", "--warmup-ratio", "0",
                          "--save-steps", "1", "--save-total-limit", "0"});
  INFO(end.err);
  CHECK(end.code == 4);
  CHECK_THAT(end.err, contains("5 steps in a row"));
  const auto weights = [&](int step) {
    return candor::read_file(world.run("run") / candor::text("checkpoint-", step) / "model.safetensors");
  };
  for (int step = 2; step <= 5; ++step) CHECK(weights(1) == weights(step));
  CHECK_FALSE(std::filesystem::exists(world.run("run") / "checkpoint-6"));
  CHECK_FALSE(std::filesystem::exists(world.run("run") / "model"));
  for (const double w : numbers_of(world.run("run") / "checkpoint-5/model.safetensors"))
    REQUIRE(std::isfinite(w));
}

TEST_CASE("a reference that is not finite is an error that names the record", "[train][trainer][numeric]") {
  const train_world world;
  poison(world.model, "house");
  const auto end = world.start("run");
  INFO(end.err);
  CHECK(end.code == 4);
  CHECK_THAT(end.err, contains("pairs.jsonl:5: the reference model gives a log-prob that is not finite"));
}
