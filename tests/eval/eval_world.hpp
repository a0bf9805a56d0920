// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the tests of evaluators share: a folder, files of JSON lines, golden documents, and the hash by which
/// answers are chosen here and in golden/make_*.py.

#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace candor_test {

using nlohmann::json;

/// FNV-1a.
inline std::uint64_t hash_of(std::string_view text) {
  std::uint64_t value = 14695981039346656037u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return value;
}

inline json read_json(const std::filesystem::path& path) { return json::parse(candor::read_file(path)); }

inline std::vector<json> read_lines(const std::filesystem::path& path) {
  std::istringstream text(candor::read_file(path));
  std::vector<json> out;
  for (std::string line; std::getline(text, line);)
    if (!line.empty()) out.push_back(json::parse(line));
  return out;
}

inline void write_lines(const std::filesystem::path& path, const std::vector<json>& lines) {
  std::string text;
  for (const auto& line : lines) text += line.dump() + "\n";
  candor::write_atomically(path, text);
}

/// Whether a page holds a part, with only the part in the message where it does not.
inline bool holds(const std::string& page, const std::string& part) {
  const bool found = page.find(part) != page.npos;
  if (!found) UNSCOPED_INFO("missing: " << part);
  return found;
}

/// What an action throws, as "code: message"; empty where it throws nothing of candor's.
template <class Action>
std::string thrown_by(Action action) {
  try {
    action();
  } catch (const candor::error& e) {
    return candor::text(e.exit_code(), ": ", e.what());
  }
  return {};
}

}  // namespace candor_test
