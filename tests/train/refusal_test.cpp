// SPDX-License-Identifier: Apache-2.0
#include <candor/core/fault.hpp>

#include "train/train_world.hpp"

#include <sys/resource.h>

#include <chrono>
#include <csignal>

using namespace candor_test;

namespace {

/// A run that was stopped before its first step, with its reference log-probs.
void stop_before_training(const train_world& world) {
  const environment fault("CANDOR_FAULT", "reference.group:5:term");
  const auto end = world.start("run");
  INFO(end.err);
  REQUIRE(end.code == 75);
  REQUIRE(std::filesystem::exists(world.run("run") / "reference.safetensors"));
}

void check_refused(const train_world& world, const words& options, const std::string& part) {
  const auto before = files_of(world.run("run"));
  words all{"--resume", "auto"};
  all.insert(all.end(), options.begin(), options.end());
  const auto end = world.start("run", all);
  INFO(end.err);
  CHECK(end.code == 3);
  CHECK_THAT(end.err, contains("reference.safetensors: "));
  CHECK_THAT(end.err, contains(part));
  CHECK(files_of(world.run("run")).at("reference.safetensors") == before.at("reference.safetensors"));
}

}  // namespace

TEST_CASE("reference log-probs of anything else are refused with the part that differs",
          "[train][refusal][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  stop_before_training(world);
  const auto another = [](const std::string& part) { return "\"" + part + "\" differs"; };
  check_refused(world, {"--template", "llava_v1"}, another("template"));
  check_refused(world, {"--image-transform", "squash"}, another("image transform"));
  check_refused(world, {"--max-length", "100"}, another("max length"));
  check_refused(world, {"--dtype", "bf16"}, another("reference model"));

  const auto other = world.scratch / "other";
  write_tiny_llava(other, {.seed = 2});
  check_refused(world, {"--reference-model", other}, another("reference model"));
  check_refused(world, {"--model", other}, another("reference model"));

  const auto picture = world.images / "3.png";
  const auto time = std::filesystem::last_write_time(picture);
  std::filesystem::last_write_time(picture, time + std::chrono::seconds(1));
  check_refused(world, {}, another("images"));
  write_png(picture, tiny_picture(33));
  check_refused(world, {}, another("images"));
  write_png(picture, tiny_picture(3));
  std::filesystem::last_write_time(picture, time);

  const std::string records = candor::read_file(world.data);
  world.write_pairs(9);
  check_refused(world, {}, another("records"));
  candor::write_atomically(world.data, records);
  world.trained("run", {"--resume", "auto"});
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("image bytes decide where they are asked for", "[train][refusal][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  {
    const environment fault("CANDOR_FAULT", "reference.group:5:term");
    REQUIRE(world.start("run", {"--hash-images", "true"}).code == 75);
  }
  const auto picture = world.images / "3.png";
  const auto time = std::filesystem::last_write_time(picture);
  std::string bytes = candor::read_file(picture);
  // The same size and time, other pixels: only the bytes tell.
  write_png(picture, tiny_picture(34));
  std::string changed = candor::read_file(picture);
  if (changed.size() < bytes.size()) changed.resize(bytes.size());
  candor::write_atomically(picture, changed);
  std::filesystem::last_write_time(picture, time);
  check_refused(world, {"--hash-images", "true"}, "\"images\" differs");
  candor::write_atomically(picture, bytes);
  world.trained("run", {"--resume", "auto", "--hash-images", "true"});  // another time, the same bytes
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("damaged reference log-probs are refused", "[train][refusal][fault]") {
#if CANDOR_FAULT_POINTS
  const train_world world;
  stop_before_training(world);
  const auto path = world.run("run") / "reference.safetensors";
  const std::string sound = candor::read_file(path);
  for (std::size_t at = 0; at < 40; ++at) {  // the last bytes are log-probs
    std::string bytes = sound;
    bytes[bytes.size() - 1 - 11 * at] ^= 4;
    candor::write_atomically(path, bytes);
    INFO("byte " << bytes.size() - 1 - 11 * at);
    if (at % 10 == 0) check_refused(world, {}, "");
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, sound.size() / 2, sound.size() - 1}) {
    candor::write_atomically(path, std::string_view(sound).substr(0, size));
    INFO("cut to " << size);
    check_refused(world, {}, "");
  }
  candor::write_atomically(path, sound);
  world.trained("run", {"--resume", "auto"});
#else
  CANDOR_SKIP("built without CANDOR_FAULT_POINTS=1");
#endif
}

TEST_CASE("reference log-probs that are gone after training began are not made from changed weights",
          "[train][refusal]") {
  const train_world world;
  world.trained("run", {"--save-steps", "2"});
  std::filesystem::remove(world.run("run") / "reference.safetensors");
  const auto end = world.start("run", {"--save-steps", "2", "--resume", "auto"});
  CHECK(end.code == 3);
  CHECK_THAT(end.err, contains("are gone"));
}

TEST_CASE("a checkpoint is not continued with other options, and the option is named", "[train][refusal]") {
  const train_world world;
  const words lora_run{"--save-steps", "2", "--lora-r", "2", "--lora-dropout", "0.1"};
  world.trained("run", lora_run);
  const auto files = [&] {
    auto all = files_of(world.run("run"));
    all.erase(".lock");
    return all;
  };
  const auto before = files();
  const auto check = [&](const words& options, const std::string& part) {
    words all = lora_run;
    all.insert(all.end(), {"--resume", "auto"});
    all.insert(all.end(), options.begin(), options.end());
    const auto end = world.start("run", all);
    INFO(part << ": " << end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err,
               contains("checkpoint-10: this checkpoint was made with other data or options (" + part));
    CHECK((files() == before));
  };
  check({"--learning-rate", "2e-3"}, "learning_rate: 0.002, was 0.001");
  check({"--epochs", "3"}, "total_steps: ");
  check({"--batch-size", "4"}, "total_steps: ");
  check({"--max-tokens", "64"}, "max_tokens");
  check({"--seed", "7"}, "seed");
  check({"--shuffle", "false"}, "shuffle");
  check({"--lr-scheduler", "linear"}, "lr_scheduler");
  check({"--warmup-ratio", "0.5"}, "warmup_ratio");
  check({"--adam-beta2", "0.98"}, "adam_beta2");
  check({"--max-grad-norm", "0.5"}, "max_grad_norm");
  check({"--logging-steps", "3"}, "logging_steps");
  check({"--eval-fraction", "0.1"}, "");
  check({"--beta", "0.2"}, "objective");
  check({"--gamma", "2"}, "token weight");
  check({"--sft-weight", "0.2"}, "objective");
  check({"--lora-r", "4"}, "trained_parameters");
  check({"--lora-alpha", "4"}, "lora scale");
  check({"--lora-dropout", "0.2"}, "lora dropout");
  check({"--dtype", "bf16"}, "dtype");
  check({"--template", "llava_v1"}, "template");
  check({"--reference", "adapters-off"}, "reference");
}

TEST_CASE("an output folder that holds something is refused and stays as it is", "[train][refusal]") {
  const train_world world;
  std::filesystem::create_directories(world.run("run"));
  candor::write_atomically(world.run("run") / "thesis.txt", "text");
  for (const words& options : {words{}, words{"--resume", "auto"}}) {
    const auto end = world.start("run", options);
    INFO(end.err);
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains("already holds thesis.txt"));
    CHECK(files_of(world.run("run")).size() == 1);
  }
}

TEST_CASE("a disk that fills up while saving leaves the earlier checkpoint", "[train][refusal]") {
  const train_world world;
  const words often{"--save-steps", "2"};
  world.trained("whole", often);
  world.trained("run", {"--save-steps", "2"});
  std::filesystem::remove_all(world.run("run") / "checkpoint-10");
  std::filesystem::remove_all(world.run("run") / "model");
  // The metrics fit, a checkpoint's tensors do not.
  const scratch_folder said;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{20000, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const pid_t child =
      start_program("rlhf_v", world.arguments("run", {"--save-steps", "2", "--resume", "auto"}), said.path());
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, ignored);
  const auto end = end_program(child, said.path());
  INFO(end.err);
  CHECK(end.code == 5);
  CHECK_THAT(end.err, contains("checkpoint-10"));
  CHECK(std::filesystem::exists(world.run("run") / "checkpoint-8"));
  for (const auto& [name, bytes] : files_of(world.run("run"))) CHECK(name.find(".tmp.") == name.npos);
  world.trained("run", {"--save-steps", "2", "--resume", "auto"});
  check_same(world.results("whole"), world.results("run"));
}

TEST_CASE("a picture that goes missing in the middle of a run loses nothing", "[train][refusal]") {
  const train_world world;
  const words options{"--reference", "adapters-off", "--lora-r", "2", "--shuffle", "false"};
  world.trained("whole", options);
  const auto picture = world.images / "7.png";
  const auto time = std::filesystem::last_write_time(picture);
  const std::string sound = candor::read_file(picture);
  candor::write_atomically(picture, std::string_view(sound).substr(0, sound.size() / 2));
  std::filesystem::last_write_time(picture, time);
  const auto end = world.start("run", options);
  INFO(end.err);
  CHECK(end.code == 3);
  CHECK_THAT(end.err, contains("7.png"));
  CHECK(std::filesystem::exists(world.run("run") / "checkpoint-3"));
  CHECK(world.metrics("run").size() == 3);
}
