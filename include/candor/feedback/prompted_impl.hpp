// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/prompted.hpp.

#include <candor/feedback/prompted.hpp>

#include <cctype>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE std::string_view without_space(std::string_view s) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!s.empty() && space(s.front())) s.remove_prefix(1);
  while (!s.empty() && space(s.back())) s.remove_suffix(1);
  return s;
}

/// A line of a list without its mark.
CANDOR_INLINE std::string_view list_item(std::string_view line) {
  std::size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
  const bool numbered = digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')');
  return without_space(line.substr(numbered ? digits + 1 : 1));
}

}  // namespace detail

CANDOR_INLINE std::vector<std::string> parse_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto line = detail::without_space(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (line.empty() || line.find("###") != std::string_view::npos) continue;
    if (const auto item = detail::list_item(line); !item.empty()) out.emplace_back(item);
  }
  return out;
}

CANDOR_INLINE std::string facts_prompt(const answered& a) {
  return "List every fact that the answer below states about a picture. Each fact is one short sentence that "
         "can be checked by "
         "itself: name what it speaks of instead of using pronouns, and leave out opinions and guesses. "
         "Write them under the "
         "header \"### Facts:\", one a line, each with \"- \" in front, and nothing else.\n\n### "
         "Question:\n" +
         a.question + "\n\n### Answer:\n" + a.answer + "\n";
}

CANDOR_INLINE std::string questions_prompt(std::span<const std::string> claims) {
  std::string out =
      "Turn each sentence below into a question that is answered by yes where the sentence is true. Keep its "
      "tense, its words and "
      "its negations. Write the questions under the header \"### Modified sentences:\", one a line and in "
      "the same order, each with "
      "\"- \" in front, and nothing else.\n\n### Sentences:\n";
  for (const auto& claim : claims) out += "- " + claim + "\n";
  return out;
}

CANDOR_INLINE std::vector<std::string> complete_remotely(const endpoint_options& endpoint,
                                                         std::span<const std::string> prompts,
                                                         std::int64_t max_new_tokens) {
  std::vector<picture_questions> asked;
  for (const auto& prompt : prompts) asked.push_back({{}, {prompt}});
  std::vector<std::string> texts;
  for (auto& answers :
       sample_remotely(endpoint, asked, {.samples = 1, .temperature = 0, .max_new_tokens = max_new_tokens}))
    texts.push_back(std::move(answers.front().text));
  return texts;
}

}  // namespace CANDOR_NS
