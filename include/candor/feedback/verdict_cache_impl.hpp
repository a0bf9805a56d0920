// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/verdict_cache.hpp.

#include <candor/feedback/kept_lines_impl.hpp>
#include <candor/feedback/verdict_cache.hpp>

namespace CANDOR_NS {

CANDOR_INLINE verdict_cache::verdict_cache(const std::filesystem::path& path) : log_(path) {
  detail::for_kept_lines(path, [this](const detail::json_field& entry) {
    known_[entry["key"].string()] = {entry["yes"].number(0, 1.001), entry["no"].number(0, 1.001)};
  });
}

CANDOR_INLINE fingerprint verdict_cache::pictures(const std::string& judge,
                                                  std::span<const image_source> images) {
  fingerprint print;
  print.add("judge", judge);
  for (const auto& image : images) print.add("image", image.read());
  return print;
}

CANDOR_INLINE std::string verdict_cache::key(fingerprint of_pictures, const std::string& question) {
  of_pictures.add("question", question);
  return of_pictures.hex();
}

CANDOR_INLINE std::optional<yes_no_answer> verdict_cache::find(const std::string& key) const {
  const auto at = known_.find(key);
  return at == known_.end() ? std::nullopt : std::optional(at->second);
}

CANDOR_INLINE void verdict_cache::add_all(std::span<const std::pair<std::string, yes_no_answer>> verdicts) {
  std::string lines;
  for (const auto& [key, verdict] : verdicts)
    lines += detail::json{{"key", key}, {"yes", verdict.yes}, {"no", verdict.no}}.dump() + "\n";
  log_.append(lines);
  for (const auto& [key, verdict] : verdicts) known_[key] = verdict;
}

}  // namespace CANDOR_NS
