// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of punkt.hpp. Sections of the paper are named where they are carried out.

#include <candor/core/error.hpp>
#include <candor/eval/punkt.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/characters_impl.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace CANDOR_NS {
namespace detail {

// Bits of a word's orthographic context: seen with a capital, or without, at the beginning of a sentence,
// inside of one, or where neither is known.
inline constexpr std::uint32_t middle_upper = 1u << 2, any_upper = 1u << 1 | 1u << 2 | 1u << 3,
                               first_lower = 1u << 4, any_lower = 1u << 4 | 1u << 5 | 1u << 6;

/// Bytes of a quotation mark that ends a word, or 0.
CANDOR_INLINE std::size_t curly_mark(std::string_view s) {
  for (const std::string_view mark : {"‘", "’", "“", "”", "«", "»"})
    if (s.starts_with(mark)) return mark.size();
  return 0;
}

/// Whether a text begins with a character that cannot be inside of a word.
CANDOR_INLINE bool no_word_character(std::string_view s) {
  return !s.empty() &&
         (std::string_view(")\";}]*:@'({[?!").find(s[0]) != std::string_view::npos || curly_mark(s) > 0);
}

/// Length of a dash of several hyphens, or of an ellipsis with or without blanks, at the beginning; or 0.
CANDOR_INLINE std::size_t long_mark(std::string_view s) {
  for (const char c : {'-', '.'}) {
    std::size_t n = 0;
    while (n < s.size() && s[n] == c) ++n;
    if (n >= 2) return n;
  }
  std::size_t pairs = 0;  // ". . ."
  while (2 * pairs + 1 < s.size() && s[2 * pairs] == '.' && is_space(s[2 * pairs + 1])) ++pairs;
  while (pairs >= 2 && !s.substr(2 * pairs).starts_with('.')) --pairs;
  return pairs >= 2 ? 2 * pairs + 1 : 0;
}

CANDOR_INLINE bool ends_word(std::string_view rest) {
  if (rest.empty() || is_space(rest[0]) || no_word_character(rest) || long_mark(rest) > 0) return true;
  if (rest[0] != ',') return false;
  rest.remove_prefix(1);
  return rest.empty() || is_space(rest[0]) || no_word_character(rest) || long_mark(rest) > 0;
}

/// Bytes of the character at the beginning.
CANDOR_INLINE std::size_t character(std::string_view s) {
  std::size_t n = 1;
  while (n < s.size() && (static_cast<unsigned char>(s[n]) & 0xC0u) == 0x80u) ++n;
  return n;
}

/// Words with their full stops on them, other punctuation apart.
CANDOR_INLINE std::vector<std::string_view> punkt_words(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < line.size();) {
    if (is_space(line[at])) {
      ++at;
      continue;
    }
    const auto rest = line.substr(at);
    std::size_t n = long_mark(rest);
    if (n == 0) {
      n = character(rest);
      if (std::string_view("(\"`{[:;&#*@)}]-,").find(rest[0]) == std::string_view::npos)
        while (!ends_word(rest.substr(n))) n += character(rest.substr(n));
    }
    out.push_back(rest.substr(0, n));
    at += n;
  }
  return out;
}

/// Bytes of the closing marks at the beginning, where a blank, a dash or nothing follows; else 0.
CANDOR_INLINE std::size_t closing_marks(std::string_view s) {
  std::size_t marks = 0;
  while (marks < s.size()) {
    const bool plain = std::string_view("\"')]}").find(s[marks]) != std::string_view::npos;
    const std::size_t n = plain ? 1 : curly_mark(s.substr(marks));
    if (n == 0) break;
    marks += n;
  }
  const auto behind = s.substr(marks);
  return behind.empty() || is_space(behind[0]) || behind.starts_with("--") ? marks : 0;
}

/// -?[.,]?digit[digits , . -]*.? as a whole
CANDOR_INLINE bool is_numeric(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word.starts_with('.') || word.starts_with(',')) word.remove_prefix(1);
  if (word.empty() || !is_digit(word[0])) return false;
  for (const char c : word)
    if (!is_digit(c) && c != ',' && c != '.' && c != '-') return false;
  return true;
}

/// The lines of a parameter file, without the empty ones.
CANDOR_INLINE std::vector<std::string> lines_of(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    std::string line = bytes.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) out.push_back(std::move(line));
    at = end + 1;
  }
  return out;
}

}  // namespace detail

struct punkt::token {
  std::string_view word;
  std::string type;  // in lower case, numbers as ##number##
  bool breaks = false, abbreviation = false, ellipsis = false;

  bool period_final() const { return word.ends_with('.'); }
  bool is_initial() const {
    return word.size() >= 2 && period_final() && detail::is_letter(word[0]) &&
           detail::curly_mark(word) == 0 && detail::character(word) == word.size() - 1;
  }
  bool upper() const { return detail::is_upper(word[0]); }
  bool lower() const { return detail::is_lower(word[0]); }
  std::string without_period() const {
    return type.size() > 1 && type.back() == '.' ? type.substr(0, type.size() - 1) : type;
  }
  std::string without_break() const { return breaks ? without_period() : type; }
};

/// A place at which a sentence may end.
struct punkt::break_place {
  std::size_t word = 0;   // where the word before it begins
  std::size_t begin = 0;  // of . ? or !
  std::size_t next = 0;   // where the text goes on
  std::size_t end = 0;    // of what follows: one mark, or the next word
};

CANDOR_INLINE punkt::punkt(const std::filesystem::path& folder) : trained_(true) {
  for (auto& line : detail::lines_of(folder / "abbrev_types.txt")) abbreviations_.insert(std::move(line));
  for (auto& line : detail::lines_of(folder / "sent_starters.txt")) starters_.insert(std::move(line));
  for (auto& line : detail::lines_of(folder / "collocations.tab")) collocations_.insert(std::move(line));
  const auto file = folder / "ortho_context.tab";
  std::size_t number = 0;
  for (const auto& line : detail::lines_of(file)) {
    ++number;
    const std::size_t tab = line.find('\t');
    std::uint32_t bits = 0;
    const char* const last = line.data() + line.size();
    const char* const first = tab == line.npos ? last : line.data() + tab + 1;
    require<input_error>(first < last && std::from_chars(first, last, bits).ptr == last, file.string(), ":",
                         number, ": expected a word, a tab and a number, found \"", line, "\"");
    orthography_[line.substr(0, tab)] = bits;
  }
}

CANDOR_INLINE std::uint32_t punkt::context_of(const std::string& type) const {
  const auto at = orthography_.find(type);
  return at == orthography_.end() ? 0 : at->second;
}

/// Section 4.1.1, the orthographic heuristic: 1 yes, 0 no, -1 unknown.
CANDOR_INLINE int punkt::starts_sentence(const token& t) const {
  if (t.word.size() == 1 && std::string_view(";:,.!?").find(t.word[0]) != std::string_view::npos) return 0;
  const std::uint32_t seen = context_of(t.without_break());
  if (t.upper() && (seen & detail::any_lower) && !(seen & detail::middle_upper)) return 1;
  if (t.lower() && ((seen & detail::any_upper) || !(seen & detail::first_lower))) return 0;
  return -1;
}

/// Section 4: whether the first of two words really ends a sentence.
CANDOR_INLINE void punkt::classify(token& first, const token& next) const {
  if (!first.period_final()) return;
  const std::string type = first.without_period(), next_type = next.without_break();
  const auto no_break = [&] {
    first.breaks = false;
    first.abbreviation = true;
  };
  if (collocations_.contains(type + "\t" + next_type)) return no_break();  // 4.1.2
  const bool initial = first.is_initial();
  if ((first.abbreviation || first.ellipsis) && !initial)
    if (starts_sentence(next) == 1 || (next.upper() && starters_.contains(next_type))) {  // 4.1.1, 4.1.3
      first.breaks = true;
      return;
    }
  if (!initial && type != "##number##") return;  // 4.3: initials and ordinals
  const int starts = starts_sentence(next);
  if (starts == 0 || (starts < 0 && initial && next.upper() && !(context_of(next_type) & detail::any_lower)))
    no_break();
}

/// Whether a sentence ends before the last word of this context.
CANDOR_INLINE bool punkt::breaks(std::string_view context) const {
  std::vector<token> tokens;
  for (const auto word : detail::punkt_words(context)) {
    token t{word, detail::is_numeric(word) ? "##number##" : detail::lower(word)};
    if (word == "." || word == "?" || word == "!")
      t.breaks = true;
    else if (word.starts_with("..") && word.find_first_not_of('.') == word.npos)
      t.ellipsis = true;
    else if (t.period_final() && !word.ends_with("..")) {
      const std::string stem = detail::lower(word.substr(0, word.size() - 1));
      t.abbreviation =
          abbreviations_.contains(stem) || abbreviations_.contains(stem.substr(stem.rfind('-') + 1));
      t.breaks = !t.abbreviation;
    }
    tokens.push_back(std::move(t));
  }
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (trained_)
      classify(tokens[i], tokens[i + 1]);
    else if (tokens[i].is_initial())
      tokens[i].breaks = false;
    if (tokens[i].breaks) return true;
  }
  return false;
}

CANDOR_INLINE std::vector<std::string_view> punkt::sentences(std::string_view text) const {
  using namespace detail;
  // Marks before another mark or before a blank and a word; of several at one word the last one counts.
  std::vector<break_place> places;
  std::size_t word = 0, mark = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '.' && text[at] != '?' && text[at] != '!') continue;
    break_place p{0, at, at + 1, at + 1};
    const auto rest = text.substr(at + 1);
    if (no_word_character(rest)) {
      p.end += std::max<std::size_t>(1, curly_mark(rest));
    } else {
      while (p.next < text.size() && is_space(text[p.next])) ++p.next;
      if (p.next == at + 1 || p.next == text.size()) continue;
      for (p.end = p.next; p.end < text.size() && !is_space(text[p.end]);) ++p.end;
    }
    std::size_t blank = at;
    while (blank > mark && !is_space(text[blank - 1])) --blank;
    p.word = blank > mark + 1 ? blank : word;
    if (!places.empty() && p.word < mark) places.pop_back();
    places.push_back(p);
    word = p.word;
    mark = at;
  }

  std::vector<std::pair<std::size_t, std::size_t>> spans;
  std::size_t begin = 0;
  for (const auto& p : places)
    if (breaks(text.substr(p.word, p.end - p.word))) {
      spans.emplace_back(begin, p.begin + 1);
      begin = p.next;
    }
  std::size_t end = text.size();
  while (end > 0 && is_space(text[end - 1])) --end;
  spans.emplace_back(begin, end);

  // Closing marks behind an end belong to the sentence that they close.
  std::vector<std::string_view> out;
  std::size_t taken = 0;  // bytes of this sentence that the one before it got
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::size_t from = spans[i].first + taken;
    std::size_t to = spans[i].second;
    taken = 0;
    if (i + 1 < spans.size()) {
      const auto [next, next_end] = spans[i + 1];
      const auto following = text.substr(next, std::max(next, next_end) - next);
      if (const std::size_t marks = closing_marks(following)) {
        to = next + marks;
        for (taken = marks; taken < following.size() && is_space(following[taken]);) ++taken;
      }
    }
    if (from < to) out.push_back(text.substr(from, to - from));
  }
  return out;
}

}  // namespace CANDOR_NS
