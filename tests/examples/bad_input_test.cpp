// SPDX-License-Identifier: Apache-2.0
/// rlhf_v on bad input: an exit code, a message that names the thing and what to do, and nothing lost.

#include "examples/trainer_world.hpp"

#include <sys/resource.h>

#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace candor_test;
using nlohmann::ordered_json;

namespace {

const std::string embedding = "language_model.model.embed_tokens.weight";
const std::string norm = "language_model.model.norm.weight";

/// Files that children write may have at most this many bytes while it lives.
struct file_limit {
  explicit file_limit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~file_limit() { ::setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before{};
};

/// CRC-32 as PNG has it.
std::uint32_t check_sum(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::string big_endian(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

}  // namespace

TEST_CASE("the trainer refuses bad options with code 2, before it reads anything", "[examples][bad]") {
  const trainer_world w;
  w.refused(2, {"--colour", "--help"}, {"--colour", "red"});
  w.refused(2, {"--learning-rate", "fast"}, {"--learning-rate", "fast"});
  w.refused(2, {"--learning-rate"}, {"--learning-rate", "-1"});
  w.refused(2, {"--batch-size"}, {"--batch-size", "0"});
  w.refused(2, {"--epochs"}, {"--epochs", "-2"});
  w.refused(2, {"--warmup-ratio"}, {"--warmup-ratio", "7"});
  w.refused(2, {"--beta"}, {"--beta", "-1"});
  w.refused(2, {"--gamma"}, {"--gamma", "0"});
  w.refused(2, {"--lora-r"}, {"--lora-r", "-2"});
  w.refused(2, {"--lora-dropout"}, {"--lora-dropout", "2", "--lora-r", "2"});
  w.refused(2, {"nothing", "q_proj"}, {"--lora-target-modules", "nothing", "--lora-r", "2"});
  w.refused(2, {"paper, released or scenes"}, {"--preset", "mine"});
  w.refused(2, {"cosine"}, {"--lr-scheduler", "round"});
  w.refused(2, {"shared, packed"}, {"--layout", "round"});
  w.refused(2, {"vicuna_v1"}, {"--template", "chatml"});
  w.refused(2, {"centre_crop"}, {"--image-transform", "stretch"});
  w.refused(2, {"f32 or bf16"}, {"--dtype", "f64"});
  w.refused(2, {"--lora-r"}, {"--reference", "adapters-off"});
  for (const char* alone : {"--model", "--data"}) {
    const auto end = run_program("rlhf_v", {alone, w.model, "--output", w.output});
    CHECK(end.code == 2);
    CHECK_THAT(end.err, contains("--model and --data belong together"));
  }
  const auto nowhere = run_program("rlhf_v", {"--model", w.model, "--data", w.pairs});
  CHECK(nowhere.code == 2);
  CHECK_THAT(nowhere.err, contains("--output is missing"));
  CHECK(!std::filesystem::exists(w.output));
  const auto help = run_program("rlhf_v", {"--help"});
  CHECK(help.code == 0);
  CHECK_THAT(help.out, contains("Exit codes: 0 ok, 2 bad option, 3 bad input"));
}

TEST_CASE("the trainer refuses bad model folders with code 3", "[examples][bad]") {
  const trainer_world w;
  const auto weights = w.model / "model.safetensors";
  SECTION("absent, of another kind, or without a part") {
    w.refused(3, {"does not exist", "nowhere"}, {"--model", w.scratch / "nowhere"});
    w.refused(3, {"is not a folder", "pairs.jsonl"}, {"--model", w.pairs});
    w.refused(3, {"does not exist", "nowhere"}, {"--reference-model", w.scratch / "nowhere"});
    std::filesystem::rename(weights, w.scratch / "away");
    w.refused(3, {"has neither model.safetensors"});
    std::filesystem::create_directory(weights);
    w.refused(3, {"model.safetensors", "not a regular file"});
    std::filesystem::remove(weights);
    std::filesystem::remove(w.model / "config.json");
    w.refused(3, {"config.json"});
  }
  SECTION("of an unknown architecture") {
    w.replace(w.model / "config.json", "LlavaForConditionalGeneration", "GPT2LMHeadModel");
    w.refused(3, {"config.json", "GPT2LMHeadModel", "LlavaForConditionalGeneration"});
    w.replace(w.model / "config.json", "GPT2LMHeadModel", "LlavaForConditionalGeneration");
    w.replace(w.model / "config.json", "\"model_type\": \"llama\"", "\"model_type\": \"qwen2\"");
    w.refused(3, {"text_config.model_type", "qwen2", "llama"});
  }
  SECTION("cut off") {
    std::filesystem::resize_file(weights, std::filesystem::file_size(weights) - 1);
    w.refused(3, {"model.safetensors", "truncated"});
    std::filesystem::resize_file(weights, 5);
    w.refused(3, {"model.safetensors", "too few"});
  }
  SECTION("with tensors that overlap") {
    w.change_header([](ordered_json& h) {
      auto& at = h[norm]["data_offsets"];
      at = {at[0].get<int>() - 4, at[1].get<int>() - 4};
    });
    w.refused(3, {"model.safetensors", norm, "inside another"});
  }
  SECTION("with offsets that overflow") {
    w.change_header([](ordered_json& h) {
      std::string last = norm;
      for (const auto& [name, tensor] : h.items())
        if (name != "__metadata__" && tensor["data_offsets"][0] > h[last]["data_offsets"][0]) last = name;
      h[last]["data_offsets"][1] = (std::uint64_t{1} << 63) - 1;
    });
    w.refused(3, {"model.safetensors", "9223372036854775807"});
  }
  SECTION("with a shape that overflows") {
    w.change_header([](ordered_json& h) {
      h[norm]["shape"] = {std::uint64_t{1} << 33, std::uint64_t{1} << 33};
    });
    w.refused(3, {"model.safetensors", norm});
  }
  SECTION("with a hole between tensors") {
    w.change_header([](ordered_json& h) { h.erase(norm); });
    w.refused(3, {"model.safetensors", "a hole"});
  }
  SECTION("without a tensor, or with a foreign one") {
    w.replace(w.model / "config.json", "\"num_hidden_layers\": 2,\n    \"num_key",
              "\"num_hidden_layers\": 3,\n    \"num_key");
    w.refused(3, {"layers.2.", "is missing"});
    w.change_header([](ordered_json& h) {
      h["something.else"] = h[embedding];
      h.erase(embedding);
    });
    w.refused(3, {"something.else"});
  }
  SECTION("with a tensor of another shape or type") {
    w.change_header([](ordered_json& h) { h[embedding]["shape"] = {16, 192}; });
    w.refused(3, {embedding, "(16, 192)", "(192, 16)"});
    w.change_header([](ordered_json& h) {
      h[embedding] = {{"dtype", "I32"}, {"shape", {192, 16}}, {"data_offsets", h[embedding]["data_offsets"]}};
    });
    w.refused(3, {embedding, "I32"});
  }
  SECTION("without its tokenizer, or its added tokens") {
    for (const char* name : {"added_tokens.json", "tokenizer_config.json", "special_tokens_map.json"})
      std::filesystem::remove(w.model / name);
    w.refused(3, {"the tokenizer has no token \"<image>\"", "added_tokens.json"}, {"--template", "llava_hf"});
    std::filesystem::remove(w.model / "tokenizer.model");
    w.refused(3, {"tokenizer.model"}, {"--template", "llava_hf"});
  }
}

TEST_CASE("the trainer refuses a model that lacks a shard", "[examples][bad]") {
  const trainer_world w({.max_shard_bytes = 20'000});
  std::filesystem::remove(w.model / "model-00002-of-00006.safetensors");
  w.refused(3, {"model-00002-of-00006.safetensors", "is missing"});
}

TEST_CASE("the trainer refuses bad records by file and line", "[examples][bad]") {
  const trainer_world w;
  w.refused_line("{\"image\": \"0.png\", ", "not valid JSON");
  w.refused_line(R"({"image": "0.png", "question": "q", "chosen": "a"})", "\"rejected\" is missing");
  w.refused_line(R"({"image": "0.png", "question": 3, "chosen": "a", "rejected": "b"})", "question");
  w.refused_line(R"({"image": "0.png", "question": "q", "chosen": "a", "rejected": "a"})", "are equal");
  w.refused_line(R"({"image": "0.png", "question": "q", "chosen": " ", "rejected": "a"})", "is empty");
  w.refused_line(R"({"image": "9.png", "question": "q", "chosen": "a", "rejected": "b"})",
                 "9.png does not exist");
  w.refused_line(R"({"image": "../model/config.json", "question": "q", "chosen": "a", "rejected": "b"})",
                 "outside");
  w.refused_line(R"({"image": "0.png", "question": "<image> or <image> ?", "chosen": "a", "rejected": "b"})",
                 "2 <image> marks, but there is 1 image");
  candor::write_atomically(w.pairs, "");
  w.refused(3, {"pairs.jsonl", "no records"});
  w.refused(5, {"nowhere.jsonl", "check the path"}, {"--data", w.scratch / "nowhere.jsonl"});
  candor::write_atomically(w.pairs, pair_lines);
  w.refused(5, {"nowhere", "does not exist"}, {"--images", w.scratch / "nowhere"});
  w.accepted();
}

TEST_CASE("records that cannot be used are left out where that is asked for, and listed in the run folder",
          "[examples][bad]") {
  const trainer_world w;
  const std::pair<const char*, const char*> bad[] = {
      {R"({"question": "q", "chosen": "a", "rejected": "b"})", "\"image\" is missing"},
      {R"({"image": "9.png", "question": "q", "chosen": "a", "rejected": "b"})", "9.png does not exist"},
      {R"({"images": ["0.png", "1.png"], "question": "<image> q", "chosen": "a", "rejected": "b"})",
       "1 <image> mark, but there are 2 images"},
      {R"({"image": "0.png", "question": "q", "chosen": "a", "rejected": "a"})", "are equal"},
      {R"({"image": "0.png", "question": "q", "chosen": "a", "rejected": ""})",
       "rejected: the text is empty"},
      {R"({"image": "broken.png", "question": "q", "chosen": "a", "rejected": "b"})", "broken.png"}};
  candor::write_atomically(w.images / "broken.png", candor::read_file(w.images / "0.png").substr(0, 60));
  std::string all = pair_lines;
  for (const auto& [line, reason] : bad) {
    all += std::string(line) + "\n";
    // What is wrong inside of a picture is known when it is decoded, by the picture's name.
    if (std::string_view(reason) != "broken.png") w.refused_line(line, reason);
  }
  candor::write_atomically(w.pairs, all + pair_lines);

  const auto plan = w.run({"--skip-bad-records", "--dry-run"});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.err, contains("6 records are left out"));
  CHECK(!std::filesystem::exists(w.output));
  const auto end = w.run({"--skip-bad-records"});
  INFO(end.err);
  REQUIRE(end.code == 0);
  CHECK_THAT(end.err, contains("6 records are left out; the first is " + w.pairs.string() + ":4: "));
  CHECK_THAT(end.err, contains("skipped_records.jsonl"));
  std::vector<ordered_json> listed;
  std::istringstream lines(candor::read_file(w.output / "skipped_records.jsonl"));
  for (std::string line; std::getline(lines, line);) listed.push_back(ordered_json::parse(line));
  REQUIRE(listed.size() == std::size(bad));
  for (std::size_t i = 0; i < std::size(bad); ++i) {
    CHECK(listed[i]["record"] == w.pairs.string() + ":" + std::to_string(4 + i));
    CHECK_THAT(listed[i]["reason"].get<std::string>(), contains(bad[i].second));
  }

  // What is left is a file without them.
  candor::write_atomically(w.pairs, pair_lines + pair_lines);
  const auto clean = w.scratch / "clean";
  REQUIRE(w.run({"--output", clean}).code == 0);
  CHECK(!std::filesystem::exists(clean / "skipped_records.jsonl"));
  CHECK(candor::read_file(clean / "model/model.safetensors") ==
        candor::read_file(w.output / "model/model.safetensors"));
}

TEST_CASE("the trainer refuses a prompt or an answer for which there is no room", "[examples][bad]") {
  const trainer_world w;
  w.refused(2, {"--max-length 4", "4 tokens of an image"}, {"--max-length", "4"});
  w.refused(3, {"pairs.jsonl:1", "the record needs 29 tokens", "Raise the maximum length"},
            {"--max-length", "6"});
  std::string answer = "a red circle";
  for (int i = 0; i < 40; ++i) answer += " and a blue square";
  const auto line =
      ordered_json{{"image", "0.png"}, {"question", "q"}, {"chosen", "a"}, {"rejected", answer}}.dump();
  candor::write_atomically(w.pairs, pair_lines + line + "\n");
  w.refused(3, {"pairs.jsonl:4", "the maximum is 100"}, {"--max-length", "100"});
  w.accepted({"--max-length", "400"});
}

TEST_CASE("the trainer refuses bad images by name", "[examples][bad]") {
  const trainer_world w;
  const auto image = w.images / "2.png";
  const std::string bytes = candor::read_file(image);
  candor::write_atomically(image, bytes.substr(0, bytes.size() / 2));
  w.refused(3, {"2.png", "cut off"});
  candor::write_atomically(image, "not a picture");
  w.refused(3, {"2.png"});
  std::string huge = bytes;
  huge.replace(16, 8, big_endian(2'000'000'000) + big_endian(2'000'000'000));
  huge.replace(29, 4, big_endian(check_sum(huge.substr(12, 17))));  // of the chunk IHDR
  candor::write_atomically(image, huge);
  w.refused(3, {"2.png", "2000000000 x 2000000000"});
  candor::write_atomically(image, bytes);
  w.accepted();
}

TEST_CASE("the trainer keeps what lies in its output folder", "[examples][bad]") {
  const trainer_world w;
  std::filesystem::create_directory(w.output);
  candor::write_atomically(w.output / "notes.txt", "mine");
  for (const auto& resume : {std::vector<std::string>{}, {"--resume", "auto"}}) {
    w.check_refused(2, {"notes.txt", "choose another folder"}, w.run(resume));
    CHECK(candor::read_file(w.output / "notes.txt") == "mine");
    CHECK(std::distance(std::filesystem::directory_iterator(w.output), {}) == 1);
  }
  std::filesystem::remove(w.output / "notes.txt");
  w.accepted();
  const auto metrics = candor::read_file(w.output / "metrics.jsonl");
  const auto again = w.run();
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("--resume auto"));
  CHECK(candor::read_file(w.output / "metrics.jsonl") == metrics);
}

TEST_CASE("a full disk ends the trainer with code 5, and it can go on afterwards", "[examples][bad]") {
  const trainer_world w;
  w.refused(5, {"/proc/run"}, {"--output", "/proc/run"});
  w.refused(5, {"pairs.jsonl", "not a folder"}, {"--output", w.pairs / "run"});
  for (const char* save : {"0", "1"}) {
    {
      const file_limit limit(8'000);  // the records and log-probs fit, the weights do not
      w.check_refused(5, {"model.safetensors", "ulimit"}, w.run({"--save-steps", save, "--resume", "auto"}));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(w.output))
      CHECK(entry.path().filename().string().find(".safetensors.tmp") == std::string::npos);
  }
  w.accepted({"--resume", "auto"});
}
