// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A tiny model, an adapter, pictures and questions in a folder, and the tools run on them.

#include "support/program.hpp"
#include "support/tiny_llava.hpp"

#include <candor/io/peft.hpp>
#include <candor/model/llava_weights.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace candor_test {

using nlohmann::json;

inline std::vector<json> read_json_lines(const std::filesystem::path& path) {
  std::istringstream text(candor::read_file(path));
  std::vector<json> out;
  for (std::string line; std::getline(text, line);) out.push_back(json::parse(line));
  return out;
}

inline const std::string questions =
    R"({"image": "0.png", "question": "describe the picture .", "responses": ["a red circle .", "two stars", ""]})"
    "\n"
    R"({"image": "1.png", "question": "is there a dog ?", "responses": ["yes", "no"]})"
    "\n"
    R"({"image": "2.png", "question": "what is in the middle ?", "responses": ["a green tree"]})"
    "\n";

/// Adapters of rank 2 on some layers of the decoder.
inline void write_tiny_adapter(const std::filesystem::path& folder, const candor::llava_config& config) {
  std::deque<std::vector<float>> values;
  std::vector<candor::tensor_source> sources;
  candor::random_stream random(5, 5);
  for (const auto& [name, extents] : tools::llava_tensors(config)) {
    const std::string path = name.substr(0, name.rfind('.'));
    if (!path.ends_with("layers.0.self_attn.q_proj") && !path.ends_with("v_proj") &&
        !path.ends_with("mlp.down_proj"))
      continue;
    if (path.find("language_model") == path.npos) continue;
    const candor::shape a{2, extents[1]}, b{extents[0], 2};
    for (const auto& [suffix, shape] : {std::pair{".lora_A.weight", a}, std::pair{".lora_B.weight", b}}) {
      auto& v = values.emplace_back(static_cast<std::size_t>(shape.size()));
      for (float& x : v) x = 0.3f * random.normal();
      sources.push_back(candor::source_of(path + suffix, shape, std::span<const float>(v)));
    }
  }
  candor::write_adapter_folder(folder, {.rank = 2, .alpha = 4, .dropout = 0.1}, sources);
}

struct tool_world {
  scratch_folder scratch;
  std::filesystem::path model = scratch / "model", images = scratch / "images", input = scratch / "in.jsonl",
                        results = scratch / "results";
  candor::llava_config config;

  explicit tool_world(const tiny_llava_options& options = {}) : config(write_tiny_llava(model, options)) {
    write_tiny_pictures(images, 3);
    candor::write_atomically(input, questions);
    std::filesystem::create_directories(results);
  }

  /// Runs `score` or `generate`; what the options do not give is this folder's.
  program_end run(const std::string& tool, const std::string& output, std::vector<std::string> options = {},
                  const std::filesystem::path& of = {}) const {
    const auto add = [&](const std::string& name, const std::filesystem::path& value) {
      if (std::find(options.begin(), options.end(), name) != options.end()) return;
      options.push_back(name);
      options.push_back(value);
    };
    add("--model", of.empty() ? model : of);
    add("--images", images);
    add("--input", input);
    add("--output", results / output);
    options.push_back("--quiet");
    return run_program(tool, options);
  }
  /// The same, which must succeed: the lines of the output.
  std::vector<json> lines(const std::string& tool, const std::vector<std::string>& options = {},
                          const std::filesystem::path& of = {}) const {
    const auto end = run(tool, "out.jsonl", options, of);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return read_json_lines(results / "out.jsonl");
  }
  program_end export_to(const std::string& folder, const std::vector<std::string>& options) const {
    std::vector<std::string> all{"--output", results / folder, "--quiet"};
    if (std::find(options.begin(), options.end(), "--model") == options.end())
      all.insert(all.end(), {"--model", model});
    all.insert(all.end(), options.begin(), options.end());
    return run_program("export", all);
  }
  /// A folder that `export` makes.
  std::filesystem::path exported(const std::string& folder, const std::vector<std::string>& options) const {
    const auto end = export_to(folder, options);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return results / folder;
  }
};

/// The log-probs of all responses of all lines, one after the other.
inline std::vector<double> all_log_probs(const std::vector<json>& lines) {
  std::vector<double> out;
  for (const auto& line : lines)
    for (const auto& response : line.at("responses"))
      for (const auto& v : response.at("logps")) out.push_back(v.get<double>());
  return out;
}

/// The largest difference of two runs of `score` over the same tokens.
inline double difference(const std::vector<json>& a, const std::vector<json>& b) {
  const auto x = all_log_probs(a), y = all_log_probs(b);
  REQUIRE(x.size() == y.size());
  REQUIRE(!x.empty());
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

}  // namespace candor_test
