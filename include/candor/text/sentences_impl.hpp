// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of text/sentences.hpp.

#include <candor/text/characters_impl.hpp>
#include <candor/text/sentences.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace CANDOR_NS {
namespace detail {

/// Without "- ", "* ", "• " or "12. " in front.
CANDOR_INLINE std::string_view without_list_mark(std::string_view line) {
  for (const std::string_view mark : {"- ", "* ", "\u2022 "})
    if (line.starts_with(mark)) return trimmed(line.substr(mark.size()));
  std::size_t digits = 0;
  while (digits < line.size() && is_digit(line[digits])) ++digits;
  if (digits > 0 && digits <= 3 && digits + 1 < line.size() && (line[digits] == '.' || line[digits] == ')') &&
      is_space(line[digits + 1]))
    return trimmed(line.substr(digits + 2));
  return line;
}

/// Whether the full stop at `at` belongs to the word before it.
CANDOR_INLINE bool ends_abbreviation(std::string_view line, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && !is_space(line[begin - 1]) && line[begin - 1] != '(' && line[begin - 1] != '"') --begin;
  const std::string word = lower(line.substr(begin, at - begin));
  if (word.size() == 1 && is_letter(word[0])) return word != "a" && word != "i";  // an initial
  constexpr std::array<std::string_view, 20> known{"mr",  "mrs",    "ms",  "dr", "st",  "prof", "vs",
                                                   "no",  "approx", "jr",  "sr", "ca",  "fig",  "e.g",
                                                   "i.e", "mt",     "vol", "co", "inc", "ltd"};
  return std::find(known.begin(), known.end(), word) != known.end();
}

/// One past the end of the sentence that begins at `from`.
CANDOR_INLINE std::size_t sentence_end(std::string_view line, std::size_t from) {
  for (std::size_t i = from; i < line.size(); ++i) {
    const char c = line[i];
    if (c != '.' && c != '!' && c != '?') continue;
    std::size_t end = i + 1;
    while (end < line.size() && (line[end] == '.' || line[end] == '!' || line[end] == '?' ||
                                 line[end] == '"' || line[end] == ')' || line[end] == '\''))
      ++end;
    for (const std::string_view quote : {"\u201d", "\u2019"})
      if (line.substr(end).starts_with(quote)) end += quote.size();
    if (end < line.size() && !is_space(line[end])) continue;
    std::size_t next = end;
    while (next < line.size() && is_space(line[next])) ++next;
    const bool small = next < line.size() && line[next] >= 'a' && line[next] <= 'z';
    if (c == '.' && end == i + 1 && ends_abbreviation(line, i)) continue;
    if (small && end > i + 1) continue;  // "Stop!" he says
    return end;
  }
  return line.size();
}

}  // namespace detail

CANDOR_INLINE std::vector<std::string_view> sentences(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto line = detail::without_list_mark(detail::trimmed(text.substr(0, newline)));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    for (std::size_t from = 0; from < line.size();) {
      const std::size_t end = detail::sentence_end(line, from);
      const auto sentence = detail::trimmed(line.substr(from, end - from));
      if (std::any_of(sentence.begin(), sentence.end(),
                      [](char c) { return detail::is_letter(c) || detail::is_digit(c); }))
        out.push_back(sentence);
      from = end;
    }
  }
  return out;
}

CANDOR_INLINE std::vector<word_token> split_words(std::string_view s) {
  std::vector<word_token> out;
  const auto part_of_word = [&](std::size_t i) {
    const char c = s[i];
    if (detail::is_letter(c) || detail::is_digit(c)) return true;
    const bool between =
        i > 0 && i + 1 < s.size() && !detail::is_space(s[i - 1]) && !detail::is_space(s[i + 1]);
    if (c == '.' || c == ',') return between && detail::is_digit(s[i - 1]) && detail::is_digit(s[i + 1]);
    return (c == '-' || c == '\'' || c == '/' || c == '&' || c == '%') &&
           (between || (c == '\'' && i > 0 && detail::is_letter(s[i - 1])));
  };
  for (std::size_t i = 0; i < s.size();) {
    if (detail::is_space(s[i])) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    bool mark = false;
    if (const auto close = s.find('"', i + 1); s[i] == '"' && close != std::string_view::npos) {
      end = close + 1;
    } else if (part_of_word(i)) {
      while (end < s.size() && part_of_word(end)) ++end;
    } else {
      mark = true;
    }
    out.push_back({s.substr(i, end - i), detail::lower(s.substr(i, end - i)), mark});
    i = end;
  }
  return out;
}

}  // namespace CANDOR_NS
