// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A tiny model, pictures and pairs in a folder, ways to damage them, and the trainer run on them.

#include "support/program.hpp"
#include "support/tiny_llava.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace candor_test {

inline const std::string pair_lines =
    R"({"image": "0.png", "question": "describe the picture .", "chosen": "a red circle .", "rejected": "a blue square ."})"
    "\n"
    R"({"image": "1.png", "question": "is there a dog ?", "chosen": "yes", "rejected": "no"})"
    "\n"
    R"({"image": "2.png", "question": "what is there ?", "chosen": "a green tree", "rejected": "a green house"})"
    "\n";

struct trainer_world {
  scratch_folder scratch;
  std::filesystem::path model = scratch / "model", images = scratch / "images",
                        pairs = scratch / "pairs.jsonl", output = scratch / "run";

  explicit trainer_world(const tiny_llava_options& options = {}) {
    write_tiny_llava(model, options);
    write_tiny_pictures(images, 3);
    candor::write_atomically(pairs, pair_lines);
  }

  /// The options with what they do not name: of the defaults (names and values in turn), then of this folder.
  std::vector<std::string> completed(std::vector<std::string> options,
                                     std::vector<std::string> defaults) const {
    defaults.insert(defaults.end(),
                    {"--model", model, "--images", images, "--data", pairs, "--output", output});
    for (std::size_t i = 0; i < defaults.size(); i += 2)
      if (std::find(options.begin(), options.end(), defaults[i]) == options.end())
        options.insert(options.end(), {defaults[i], defaults[i + 1]});
    return options;
  }
  /// Two steps of training, unless the options say otherwise.
  program_end run(const std::vector<std::string>& options = {}) const {
    auto all = completed(options, {"--batch-size", "2", "--quiet", "true"});
    if (std::find(all.begin(), all.end(), "--epochs") == all.end())
      all = completed(all, {"--max-steps", "2"});
    return run_program("rlhf_v", all);
  }

  /// The run must end with this code and a message that holds all of these parts, and leave no model behind.
  /// What else it left is removed.
  void refused(int code, const std::vector<std::string>& parts,
               const std::vector<std::string>& options = {}) const {
    check_refused(code, parts, run(options));
    std::filesystem::remove_all(output);
  }
  void check_refused(int code, const std::vector<std::string>& parts, const program_end& end) const {
    INFO(end.err);
    CHECK(end.code == code);
    CHECK(end.signal == 0);
    CHECK_THAT(end.err, contains("rlhf_v: "));
    for (const auto& part : parts) CHECK_THAT(end.err, contains(part));
    CHECK(!std::filesystem::exists(output / "model"));
    CHECK(!std::filesystem::exists(output / "adapter"));
  }
  void accepted(const std::vector<std::string>& options = {}) const {
    const auto end = run(options);
    INFO(end.err);
    REQUIRE(end.code == 0);
    CHECK(std::filesystem::exists(output / "model" / "model.safetensors"));
  }
  /// The same for a file of these lines behind the good ones.
  void refused_line(const std::string& line, const std::string& part) const {
    candor::write_atomically(pairs, pair_lines + line + "\n");
    refused(3, {"pairs.jsonl:4", part});
    candor::write_atomically(pairs, pair_lines);
  }

  void replace(const std::filesystem::path& file, const std::string& from, const std::string& to) const {
    std::string text = candor::read_file(file);
    REQUIRE(text.find(from) != text.npos);
    candor::write_atomically(file, text.replace(text.find(from), from.size(), to));
  }
  /// Rewrites the header of the weights; the tensors' bytes stay.
  void change_header(const std::function<void(nlohmann::ordered_json&)>& change) const {
    const auto path = model / "model.safetensors";
    const std::string bytes = candor::read_file(path);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    auto header = nlohmann::ordered_json::parse(bytes.substr(8, length));
    change(header);
    const std::string text = header.dump(), data = bytes.substr(8 + length);
    length = text.size();
    std::string out(8, '\0');
    std::memcpy(out.data(), &length, 8);
    candor::write_atomically(path, out + text + data);
  }
};

}  // namespace candor_test
