// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the tests of rlaif_v share: its command lines, and what a run leaves.

#include "support/program.hpp"

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace candor_test {

using arguments = std::vector<std::string>;

/// Two small rounds on the embedded world.
inline arguments small_world(const std::filesystem::path& output) {
  return {"--output",     output, "--rounds",   "2",   "--instructions", "40", "--samples",    "6",
          "--epochs",     "4",    "--held-out", "20",  "--best-of",      "2",  "--save-steps", "2",
          "--batch-size", "8",    "--quiet",    "true"};
}

/// What a run has made: its rounds' files and the weights.
inline std::vector<std::string> made_files() {
  std::vector<std::string> out{"data/instructions.jsonl"};
  for (const char* round : {"round-1", "round-2"})
    for (const char* name :
         {"candidates.jsonl", "claims.jsonl", "questions.jsonl", "verdicts.jsonl", "pairs.jsonl",
          "pairs.summary.json", "evaluation.json", "run/model/model.safetensors", "run/metrics.jsonl"})
      out.push_back(std::string(round) + "/" + name);
  return out;
}

/// The names of all files below a folder, hidden ones too. TensorBoard's files are named by time and process,
/// one for each start.
inline std::set<std::string> files_below(const std::filesystem::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const auto name = entry.path().lexically_relative(folder).string();
    const auto events = name.find("events.out.tfevents");
    out.insert(events == name.npos ? name : name.substr(0, events) + "events");
  }
  return out;
}

inline bool is_long() { return std::getenv("CANDOR_LONG") != nullptr; }

}  // namespace candor_test
