// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The text is decoded and searched.

#include <candor/core/error.hpp>
#include <candor/text/stop_strings.hpp>

#include <algorithm>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE stop_strings::stop_strings(tokenizer words, std::vector<std::string> strings)
    : words_(std::move(words)), strings_(std::move(strings)) {
  for (const auto& s : strings_)
    require<usage_error>(!s.empty(), "a stop string is empty; every text has it");
}

CANDOR_INLINE bool stop_strings::operator()(std::span<const std::int32_t> tokens) const {
  if (strings_.empty()) return false;
  // The whole text: a run of byte pieces may only be read from its beginning.
  const std::string text = words_.decode(tokens, true);
  return cut(text).size() < text.size();
}

CANDOR_INLINE std::string_view stop_strings::cut(std::string_view text) const {
  std::size_t first = text.size();
  for (const auto& s : strings_) first = std::min(first, text.find(s));
  return text.substr(0, first);
}

}  // namespace CANDOR_NS
