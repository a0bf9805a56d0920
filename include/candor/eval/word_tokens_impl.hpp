// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of word_tokens.hpp: the rules in nltk's order, each a pass over the text.

#include <candor/core/error.hpp>
#include <candor/eval/word_tokens.hpp>
#include <candor/text/characters_impl.hpp>

#include <array>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Replaces what `match(text, at, replacement)` finds; it gives the length of the match at `at`, or 0.
template <class Match>
std::string rewrite(std::string_view text, Match match) {
  std::string out, replacement;
  for (std::size_t at = 0; at < text.size();) {
    replacement.clear();
    if (const std::size_t length = match(text, at, replacement)) {
      out += replacement;
      at += length;
    } else {
      out += text[at++];
    }
  }
  return out;
}

/// Blanks around each of these strings.
CANDOR_INLINE std::string pad(std::string_view text, std::initializer_list<std::string_view> strings) {
  return rewrite(text, [&](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    for (const auto& part : strings)
      if (s.substr(at).starts_with(part)) {
        to = " " + std::string(part) + " ";
        return part.size();
      }
    return 0;
  });
}

/// Blanks around each run of at least `least` of a character.
CANDOR_INLINE std::string pad_runs(std::string_view text, char of, std::size_t least) {
  return rewrite(text, [&](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    std::size_t end = at;
    while (end < s.size() && s[end] == of) ++end;
    if (end - at < least) return 0;
    to = " " + std::string(end - at, of) + " ";
    return end - at;
  });
}

CANDOR_INLINE std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  return rewrite(text, [&](std::string_view s, std::size_t at, std::string& out) -> std::size_t {
    if (!s.substr(at).starts_with(from)) return 0;
    out = to;
    return from.size();
  });
}

/// Bytes of a mark that may stand behind the last full stop, or 0.
CANDOR_INLINE std::size_t closing_mark(std::string_view s) {
  for (const std::string_view mark : {"]", ")", "}", ">", "\"", "'", "»", "”", "’", " "})
    if (s.starts_with(mark)) return mark.size();
  return 0;
}

/// Cuts off the full stop behind which only closing marks are left.
CANDOR_INLINE std::string cut_final_stop(std::string_view s) {
  for (std::size_t at = 1; at < s.size(); ++at) {
    if (s[at] != '.' || s[at - 1] == '.') continue;
    std::size_t end = at + 1;
    while (const std::size_t n = closing_mark(s.substr(end))) end += n;
    const auto marks = s.substr(at + 1, end - at - 1);
    while (end < s.size() && is_space(s[end])) ++end;
    if (end == s.size()) return text(s.substr(0, at), " . ", marks, " ");
  }
  return std::string(s);
}

/// " ' " for an apostrophe that opens a quotation: not after a letter, before one, and no clitic.
CANDOR_INLINE std::string cut_opening_apostrophes(std::string_view text) {
  return rewrite(text, [](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if (s[at] != '\'' || (at > 0 && is_word(s[at - 1]))) return 0;
    std::size_t end = at + 1;
    while (end < s.size() && is_word(s[end])) ++end;
    if (end == at + 1) return 0;
    const std::string word = lower(s.substr(at + 1, end - at - 1));
    for (const char* clitic : {"re", "ve", "ll", "m", "t", "s", "d", "n"})
      if (word == clitic) return 0;
    to = "' ";
    return 1;
  });
}

/// A blank before each of these endings where a blank follows and neither ' nor a blank stands before.
CANDOR_INLINE std::string cut_clitics(std::string_view text,
                                      std::initializer_list<std::string_view> endings) {
  return rewrite(text, [&](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if (s[at] == '\'' || s[at] == ' ') return 0;
    for (const auto& ending : endings) {
      const auto rest = s.substr(at + 1);
      if (!rest.starts_with(ending) || !rest.substr(ending.size()).starts_with(' ')) continue;
      to = std::string(1, s[at]) + " " + std::string(ending) + " ";
      return ending.size() + 2;
    }
    return 0;
  });
}

/// "cannot" becomes " can not ": both parts between word boundaries, in any case.
CANDOR_INLINE std::string cut_contraction(std::string_view text, std::string_view first,
                                          std::string_view second) {
  const std::string both = std::string(first) + std::string(second);
  const bool after_blank = first.starts_with(' ');
  return rewrite(text, [&](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if (lower(s.substr(at, both.size())) != both) return 0;
    if (!after_blank && at > 0 && is_word(s[at - 1])) return 0;
    const std::size_t end = at + both.size();
    if (end < s.size() ? is_word(s[end]) : !is_word(s[end - 1])) return 0;
    if (second == "na" && first == "wan" && (end == s.size() || !is_space(s[end]))) return 0;
    const std::size_t begin = at + (after_blank ? 1 : 0), cut = at + first.size();
    to = " " + std::string(s.substr(begin, cut - begin)) + " " + std::string(s.substr(cut, second.size())) +
         " ";
    return both.size();
  });
}

CANDOR_INLINE std::string cut_punctuation(const std::string& sentence) {
  std::string text = cut_final_stop(sentence);
  text = rewrite(text, [](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if ((s[at] != ':' && s[at] != ',') || at + 1 == s.size() || is_digit(s[at + 1])) return 0;
    to = {' ', s[at], ' ', s[at + 1]};
    return 2;
  });
  if (text.ends_with(':') || text.ends_with(','))
    text = text.substr(0, text.size() - 1) + " " + text.back() + " ";
  text = pad_runs(text, '.', 2);
  text = pad(text, {";", "@", "#", "$", "%", "&"});
  text = pad(text, {"\u2012", "\u2013", "\u2014", "\u2015"});
  text = pad(text, {"?", "!"});
  text = rewrite(text, [](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if (s[at] == '\'' || !s.substr(at + 1).starts_with("' ")) return 0;
    to = {s[at], ' ', '\'', ' '};
    return 3;
  });
  return pad(text, {"*"});
}

}  // namespace detail

CANDOR_INLINE std::vector<std::string> word_tokens(std::string_view sentence) {
  using namespace detail;
  std::string text = pad_runs(pad(sentence, {"«", "“", "‘", "„"}), '`', 1);
  if (text.starts_with('"')) text.replace(0, 1, "``");
  text = pad(text, {"``"});
  text = rewrite(text, [](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    if (std::string_view(" ([{<").find(s[at]) == std::string_view::npos) return 0;
    const auto rest = s.substr(at + 1);
    if (!rest.starts_with('"') && !rest.starts_with("''")) return 0;
    to = std::string(1, s[at]) + " `` ";
    return rest.starts_with('"') ? 2 : 3;
  });
  text = cut_punctuation(cut_opening_apostrophes(text));
  text = pad(text, {"]", "[", "(", ")", "{", "}", "<", ">"});
  text = " " + replaced(text, "--", " -- ") + " ";

  text = pad(text, {"»", "”", "’"});
  text = replaced(replaced(text, "''", " '' "), "\"", " '' ");
  text = rewrite(text, [](std::string_view s, std::size_t at, std::string& to) -> std::size_t {
    std::size_t end = at;
    while (end < s.size() && is_space(s[end])) ++end;
    to = " ";
    return end - at;
  });
  text = cut_clitics(text, {"'s", "'S", "'m", "'M", "'d", "'D", "'"});
  text = cut_clitics(text, {"'ll", "'LL", "'re", "'RE", "'ve", "'VE", "n't", "N'T"});
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> contractions{{{"can", "not"},
                                                                                        {"d", "'ye"},
                                                                                        {"gim", "me"},
                                                                                        {"gon", "na"},
                                                                                        {"got", "ta"},
                                                                                        {"lem", "me"},
                                                                                        {"more", "'n"},
                                                                                        {"wan", "na"},
                                                                                        {" 't", "is"},
                                                                                        {" 't", "was"}}};
  for (const auto& [first, second] : contractions) text = cut_contraction(text, first, second);
  return split_at_spaces(text);
}

}  // namespace CANDOR_NS
