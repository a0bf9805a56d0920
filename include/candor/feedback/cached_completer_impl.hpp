// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/cached_completer.hpp.

#include <candor/core/fingerprint.hpp>
#include <candor/feedback/cached_completer.hpp>
#include <candor/feedback/kept_lines_impl.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE cached_completer::cached_completer(endpoint_options endpoint,
                                                 const std::filesystem::path& cache,
                                                 std::int64_t max_new_tokens)
    : endpoint_(std::move(endpoint)), max_new_tokens_(max_new_tokens), log_(cache) {
  detail::for_kept_lines(cache, [this](const detail::json_field& entry) {
    known_[entry["key"].string()] = entry["text"].string();
  });
}

CANDOR_INLINE std::string cached_completer::key(const picture_questions& prompt) const {
  fingerprint print;
  print.add("model", endpoint_.model);
  for (const auto& image : prompt.images) print.add("image", image.read(endpoint_.max_image_bytes));
  print.add("prompt", prompt.questions.front());
  print.add("tokens", std::to_string(max_new_tokens_));
  return print.hex();
}

CANDOR_INLINE std::vector<std::string> cached_completer::operator()(std::span<const std::string> prompts) {
  std::vector<picture_questions> blind;
  for (const auto& prompt : prompts) blind.push_back({{}, {prompt}});
  return (*this)(std::span<const picture_questions>(blind));
}

CANDOR_INLINE std::vector<std::string> cached_completer::operator()(
    std::span<const picture_questions> prompts) {
  std::vector<std::string> keys;
  std::vector<picture_questions> unknown;
  std::vector<std::string> unknown_keys;
  std::unordered_set<std::string> awaited;
  for (const auto& prompt : prompts) {
    keys.push_back(key(prompt));
    if (known_.contains(keys.back()) || !awaited.insert(keys.back()).second) continue;
    unknown.push_back(prompt);
    unknown_keys.push_back(keys.back());
  }
  constexpr std::size_t together = 128;  // requests in memory, with their pictures
  for (std::size_t begin = 0; begin < unknown.size(); begin += together)
    sample_remotely(endpoint_, std::span(unknown).subspan(begin, std::min(together, unknown.size() - begin)),
                    {.samples = 1, .temperature = 0, .max_new_tokens = max_new_tokens_}, begin,
                    [&](std::size_t i, std::size_t, remote_answer&& answer) {
                      const std::string& of = unknown_keys[begin + i];
                      log_.append(detail::json{{"key", of}, {"text", answer.text}}.dump(
                                      -1, ' ', false, detail::json::error_handler_t::replace) +
                                  "\n");
                      known_[of] = std::move(answer.text);
                      ++asked_;
                    });
  std::vector<std::string> texts;
  for (const auto& k : keys) texts.push_back(known_.at(k));
  return texts;
}

}  // namespace CANDOR_NS
