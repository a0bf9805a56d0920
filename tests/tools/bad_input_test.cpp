// SPDX-License-Identifier: Apache-2.0
/// `score` and `generate` on bad input: an exit code, a message that names the thing, and no output file.

#include "tools/tool_world.hpp"

using namespace candor_test;

namespace {

struct bad_input : tool_world {
  using tool_world::tool_world;

  void refused(int code, const std::string& part, const std::vector<std::string>& options = {},
               const std::string& tool = "score") const {
    const auto end = run(tool, "out.jsonl", options);
    INFO(end.err);
    CHECK(end.code == code);
    CHECK(end.signal == 0);
    CHECK_THAT(end.err, contains(tool + ": "));
    CHECK_THAT(end.err, contains(part));
    CHECK(std::filesystem::is_empty(results));
  }
  void refused_line(const std::string& line, const std::string& part) const {
    candor::write_atomically(input, questions + line + "\n");
    refused(3, "in.jsonl:4", {});
    refused(3, part, {});
    candor::write_atomically(input, questions);
  }
  void replace(const std::filesystem::path& file, const std::string& from, const std::string& to) const {
    std::string text = candor::read_file(file);
    REQUIRE(text.find(from) != text.npos);
    candor::write_atomically(file, text.replace(text.find(from), from.size(), to));
  }
};

}  // namespace

TEST_CASE("Bad options are refused with code 2", "[tools][bad]") {
  const bad_input w;
  w.refused(2, "--colour", {"--colour", "red"});
  w.refused(2, "--layout", {"--layout", "round"});
  w.refused(2, "--dtype", {"--dtype", "f64"});
  w.refused(2, "--max-tokens", {"--max-tokens", "0"});
  w.refused(2, "vicuna_v1", {"--template", "chatml"});
  w.refused(2, "centre_crop", {"--image-transform", "stretch"});
  w.refused(2, "--num-return-sequences", {"--samples", "many"}, "generate");
  w.refused(2, "--temperature 1", {"--top-p", "0.5"}, "generate");
  w.refused(2, "4 texts of 2 beams", {"--num-beams", "2", "--samples", "4"}, "generate");
  w.refused(2, "is a folder", {"--output", w.images});
  const auto end = run_program("score", {});
  CHECK(end.code == 2);
  CHECK_THAT(end.err, contains("--model is required"));
  for (const char* tool : {"score", "generate", "export"}) {
    const auto help = run_program(tool, {"--help"});
    CHECK(help.code == 0);
    CHECK_THAT(help.out, contains("Example:"));
    CHECK_THAT(help.out, contains("Exit codes: 0 done, 2 bad option"));
  }
}

TEST_CASE("Bad model folders are refused with code 3", "[tools][bad]") {
  SECTION("absent, or of another kind") {
    const bad_input w;
    w.refused(3, "does not exist", {"--model", w.scratch / "nowhere"});
    w.refused(3, "does not exist", {"--adapter", w.scratch / "nowhere"});
    w.replace(w.model / "config.json", "LlavaForConditionalGeneration", "GPT2LMHeadModel");
    w.refused(3, "GPT2LMHeadModel");
  }
  SECTION("without a shard") {
    const bad_input w({.max_shard_bytes = 20'000});
    std::filesystem::remove(w.model / "model-00002-of-00006.safetensors");
    w.refused(3, "model-00002-of-00006.safetensors");
  }
  SECTION("with weights that are cut off") {
    const bad_input w;
    std::filesystem::resize_file(w.model / "model.safetensors", 50'000);
    w.refused(3, "model.safetensors");
  }
  SECTION("with weights of other widths, or missing ones") {
    const bad_input w;
    w.replace(w.model / "config.json", "\"vocab_size\": 192", "\"vocab_size\": 256");
    w.refused(3, "(192, 16)");
    w.replace(w.model / "config.json", "\"vocab_size\": 256", "\"vocab_size\": 192");
    w.replace(w.model / "config.json", "\"num_hidden_layers\": 2,\n    \"num_key",
              "\"num_hidden_layers\": 3,\n    \"num_key");
    w.refused(3, "is missing");
  }
  SECTION("without a tokenizer, or without its added tokens") {
    const bad_input w;
    std::filesystem::remove(w.model / "added_tokens.json");
    std::filesystem::remove(w.model / "tokenizer_config.json");
    std::filesystem::remove(w.model / "special_tokens_map.json");
    w.refused(3, "the tokenizer has no token \"<image>\"");
    std::filesystem::remove(w.model / "tokenizer.model");
    w.refused(3, "tokenizer.model");
  }
}

TEST_CASE("Bad records are refused by file and line", "[tools][bad]") {
  const bad_input w;
  w.refused_line("{\"image\": \"0.png\", ", "in.jsonl:4");
  w.refused_line(R"({"image": "0.png", "responses": ["a"]})", "question");
  w.refused_line(R"({"image": "0.png", "question": "what ?", "responses": []})", "responses");
  w.refused_line(R"({"image": "0.png", "question": "what ?", "responses": "a"})", "responses");
  w.refused_line(R"({"image": "9.png", "question": "what ?", "responses": ["a"]})", "does not exist");
  w.refused_line(R"({"image": "../model/config.json", "question": "what ?", "responses": ["a"]})", "outside");
  w.refused_line(R"({"image": "0.png", "question": "<image> or <image> ?", "responses": ["a"]})", "<image>");
  std::string question = "what";
  for (int i = 0; i < 500; ++i) question += " is it";
  candor::write_atomically(
      w.input, questions + R"({"image": "0.png", "question": ")" + question + R"(", "responses": ["a"]})");
  w.refused(3, "Raise --max-length", {"--max-length", "400"});
  CHECK(w.lines("score", {"--max-length", "4000"}).size() == 4);
  std::filesystem::remove(w.results / "out.jsonl");
  candor::write_atomically(w.input, "");
  w.refused(3, "in.jsonl");
  w.refused(3, "in.jsonl", {}, "generate");
  candor::write_atomically(w.input, questions);
  w.refused(3, "new tokens", {"--max-new-tokens", "3000"}, "generate");
}

TEST_CASE("Bad images are refused by name", "[tools][bad]") {
  const bad_input w;
  std::filesystem::resize_file(w.images / "2.png", std::filesystem::file_size(w.images / "2.png") / 2);
  w.refused(3, "2.png");
  w.refused(3, "2.png", {"--max-new-tokens", "2"}, "generate");
  candor::write_atomically(w.images / "2.png", "not a picture");
  w.refused(3, "2.png");
  std::filesystem::remove(w.images / "2.png");
  w.refused(3, "2.png");
}

TEST_CASE("What the system refuses has code 5", "[tools][bad]") {
  const bad_input w;
  w.refused(5, "nowhere", {"--output", w.scratch / "nowhere/out.jsonl"});
  w.refused(5, "config.json", {"--output", w.model / "config.json/out.jsonl"});
  w.refused(5, "nowhere", {"--input", w.scratch / "nowhere.jsonl"});
  w.refused(5, "nowhere", {"--images", w.scratch / "nowhere"});
}

TEST_CASE("A failed run leaves the previous output as it was", "[tools][bad]") {
  const bad_input w;
  candor::write_atomically(w.scratch / "old.jsonl", "before");
  std::filesystem::remove(w.images / "2.png");
  w.refused(3, "2.png", {"--output", w.scratch / "old.jsonl"});
  CHECK(candor::read_file(w.scratch / "old.jsonl") == "before");
}
