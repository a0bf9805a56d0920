// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A tiny LLaVA, pictures and preference pairs in a folder, and rlhf_v run on them.

#include "support/environment.hpp"
#include "support/program.hpp"
#include "support/tiny_llava.hpp"

#include <candor/core/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace candor_test {

using words = std::vector<std::string>;

/// Saves at steps 2, 4, 6, 8; logs at 3, 6, 8; evaluates at 4 and 8.
inline const words often{"--save-steps", "2", "--logging-steps", "3",
                         "--eval-steps", "4", "--eval-fraction", "0.2"};

/// All files below a folder with their bytes, by relative name.
inline std::map<std::string, std::string> files_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[entry.path().lexically_relative(folder).string()] = candor::read_file(entry.path());
  return out;
}

/// The lines of a JSONL file.
inline std::vector<nlohmann::json> lines_of(const std::filesystem::path& path) {
  std::istringstream text(candor::read_file(path));
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(text, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

/// The values that the lines with this metric have, in order.
inline std::vector<double> values_of(const std::vector<nlohmann::json>& lines, const std::string& name) {
  std::vector<double> out;
  for (const auto& line : lines)
    if (line.contains(name)) out.push_back(line.at(name).is_null() ? NAN : line.at(name).get<double>());
  return out;
}

/// The largest difference of two lists of equal length.
inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  REQUIRE(!a.empty());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

inline const words lora{"--lora-r", "2", "--lora-dropout", "0.1"};

/// Ten pairs about ten pictures. Runs are told apart by name; each has its folder.
struct train_world {
  scratch_folder scratch;
  std::filesystem::path model = scratch / "model", images = scratch / "images",
                        data = scratch / "pairs.jsonl";

  explicit train_world(const tiny_llava_options& options = {}) {
    write_tiny_llava(model, options);
    write_tiny_pictures(images, 10);
    write_pairs(10);
  }

  /// `answers` replaces the chosen answers of the records that it names.
  void write_pairs(int count, const std::map<int, std::string>& answers = {}) const {
    static const char* const colours[] = {"red", "blue", "green", "yellow", "purple"};
    static const char* const things[] = {"circle", "square", "tree", "star", "house", "dog", "ball"};
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const std::string thing = things[i % 7], colour = colours[i % 5], wrong = colours[(i + 2) % 5];
      const auto given = answers.find(i);
      const std::string chosen =
          given != answers.end() ? given->second : "there is a " + colour + " " + thing + " in the picture .";
      const nlohmann::json line = {
          {"image", candor::text(i % 10, ".png")},
          {"question", i % 2 == 0 ? "describe the picture ." : "what is in the middle ?"},
          {"chosen", chosen},
          {"rejected",
           "there is a " + wrong + " " + thing + (i % 3 == 0 ? " and a star" : "") + " in the picture ."}};
      lines += line.dump() + "\n";
    }
    candor::write_atomically(data, lines);
  }

  std::filesystem::path run(const std::string& name) const { return scratch / name; }

  /// Ten steps of two pairs; later options replace earlier ones of the same name.
  words arguments(const std::string& name, const words& options = {}) const {
    words all{"--model", model, "--data", data, "--images", images, "--output", run(name)};
    const auto add = [&](const words& more) {
      for (std::size_t i = 0; i < more.size(); i += 2) {
        const auto known = std::find(all.begin(), all.end(), more[i]);
        if (known != all.end())
          *(known + 1) = more[i + 1];
        else
          all.insert(all.end(), {more[i], more[i + 1]});
      }
    };
    add({"--batch-size", "2", "--epochs", "2", "--learning-rate", "1e-3", "--sft-weight", "0.1", "--threads",
         "1", "--quiet", "true"});
    add(options);
    return all;
  }
  program_end start(const std::string& name, const words& options = {}) const {
    return run_program("rlhf_v", arguments(name, options));
  }
  /// The same, which must succeed.
  std::filesystem::path trained(const std::string& name, const words& options = {}) const {
    const auto end = start(name, options);
    INFO(end.err);
    REQUIRE(end.code == 0);
    return run(name);
  }
  std::vector<nlohmann::json> metrics(const std::string& name) const {
    return lines_of(run(name) / "metrics.jsonl");
  }

  /// What a run leaves: its weights, its metrics, its reference log-probs. Not TensorBoard's events, which
  /// tell the time.
  std::map<std::string, std::string> results(const std::string& name) const {
    auto out = files_of(run(name));
    std::erase_if(out, [](const auto& file) {
      return file.first.starts_with("checkpoint-") || file.first == ".lock" ||
             file.first.starts_with("events.out.tfevents.") || file.first == "options.toml";
    });
    return out;
  }
};

/// Compares without printing the bytes.
inline void check_same(const std::map<std::string, std::string>& a,
                       const std::map<std::string, std::string>& b) {
  for (const auto& [name, bytes] : a) {
    INFO(name);
    const auto other = b.find(name);
    CHECK(other != b.end());
    CHECK((other != b.end() && other->second == bytes));
  }
  CHECK(a.size() == b.size());
  CHECK(a.contains("metrics.jsonl"));
}

}  // namespace candor_test
