// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A LLaVA of real layout and small widths at 336 pixels with LLaMA's tokenizer, the photographs and pairs of
/// the optional real data, and the programs run on them.

#include "support/program.hpp"
#include "support/tiny_llava.hpp"
#include "tools/tool_world.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace candor_test {

/// Where the pictures, pairs and tokenizer lie; empty where one of them is absent.
struct photo_data {
  std::filesystem::path pairs = shared_data("photos/pairs.jsonl"), images = shared_data("photos/images"),
                        tokenizer = shared_data("llama/tokenizer.model");
  bool present() const { return !pairs.empty() && !images.empty() && !tokenizer.empty(); }
};

struct photo_world {
  scratch_folder scratch;
  photo_data data;
  std::filesystem::path model = scratch / "llava-small-hf";

  photo_world() {
    // The files that llava-hf has beside tokenizer.model, with LLaMA's ids.
    const auto words = scratch / "words", shipped = candor_test::examples_folder() / "scenes/base";
    std::filesystem::create_directories(words);
    std::filesystem::copy_file(data.tokenizer, words / "tokenizer.model");
    std::filesystem::copy_file(shipped / "special_tokens_map.json", words / "special_tokens_map.json");
    auto config = json::parse(candor::read_file(shipped / "tokenizer_config.json"));
    auto& added = config["added_tokens_decoder"];
    for (const auto& [content, id] : {std::pair{"<image>", "32000"}, std::pair{"<pad>", "32001"}}) {
      const json described = added["0"];
      for (auto it = added.begin(); it != added.end();)
        it = (*it)["content"] == content ? added.erase(it) : ++it;
      added[id] = described;
      added[id]["content"] = content;
    }
    config["model_max_length"] = 4096;
    candor::write_atomically(words / "tokenizer_config.json", config.dump(2));
    candor::write_atomically(words / "added_tokens.json", R"({"<image>": 32000, "<pad>": 32001})");
    write_tiny_llava(model, {.tokenizer = words,
                             .image_size = 336,
                             .width = 64,
                             .layers = 2,
                             .heads = 4,
                             .kv_heads = 2,
                             .vocabulary = 32064,
                             .scale = 0.1});
  }

  /// Trains into scratch/name with these options; the program must succeed.
  std::filesystem::path train(const std::string& name, const std::vector<std::string>& options) const {
    std::vector<std::string> all{"--model",   model,      "--data",       data.pairs, "--images",
                                 data.images, "--output", scratch / name, "--quiet",  "true"};
    all.insert(all.end(), options.begin(), options.end());
    const auto end = run_program("rlhf_v", all);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return scratch / name;
  }
  std::vector<json> metrics(const std::string& name) const {
    return read_json_lines(scratch / name / "metrics.jsonl");
  }

  /// The first pairs as questions with two answers, for `score`.
  std::filesystem::path questions(std::size_t count = 4) const {
    std::string lines;
    for (const auto& pair : read_json_lines(data.pairs)) {
      if (count-- == 0) break;
      lines += json{{"image", pair["image"]},
                    {"question", pair["question"]},
                    {"responses", {pair["chosen"], pair["rejected"]}}}
                   .dump() +
               "\n";
    }
    candor::write_atomically(scratch / "questions.jsonl", lines);
    return scratch / "questions.jsonl";
  }
  /// Scores them with a model, and perhaps an adapter; vicuna_v1 and padding as original LLaVA has them.
  std::filesystem::path score(const std::filesystem::path& with,
                              const std::filesystem::path& adapter = {}) const {
    const auto out = scratch / (with.parent_path().filename().string() +
                                adapter.parent_path().filename().string() + ".scores");
    std::vector<std::string> all{"--model",    with,        "--input",           questions(),
                                 "--images",   data.images, "--output",          out,
                                 "--template", "vicuna_v1", "--image-transform", "pad"};
    if (!adapter.empty()) all.insert(all.end(), {"--adapter", adapter});
    const auto end = run_program("score", all);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return out;
  }
};

/// The mean of a metric over `count` lines from `first`.
inline double mean_of(const std::vector<json>& lines, const std::string& name, std::size_t first,
                      std::size_t count) {
  REQUIRE(first + count <= lines.size());
  double sum = 0;
  for (std::size_t i = first; i < first + count; ++i) sum += lines[i].at(name).get<double>();
  return sum / static_cast<double>(count);
}

}  // namespace candor_test
