// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The grammar behind claims and questions: where a clause has its subject, its verb and what follows.
/// Shallow, from word lists; where they do not suffice a claim becomes longer, never shorter than its words.

#include <candor/text/english.hpp>
#include <candor/text/sentences.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

using words_view = std::span<const word_token>;
inline constexpr std::size_t no_word = static_cast<std::size_t>(-1);

inline bool any_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
inline bool is_conjunction(const word_token& w) {
  return any_of(w.lower, {"and", "but", "while", "whereas", "or"});
}
inline bool is_comma(const word_token& w) { return w.mark && any_of(w.text, {",", ";", ":"}); }
inline bool is_be(std::string_view w) { return any_of(w, {"is", "are", "was", "were", "isn't", "aren't"}); }
inline bool is_possessive(std::string_view w) { return any_of(w, {"his", "her", "its", "their"}); }
inline bool is_adverb(std::string_view w) {
  return (w.size() > 3 && w.ends_with("ly") && w != "fly") ||
         any_of(w, {"also", "not", "still", "just", "partly", "currently", "then", "mostly"});
}

/// The source text from the first to the last of the words.
inline std::string join(words_view w) {
  if (w.empty()) return {};
  const char* begin = w.front().text.data();
  const char* end = w.back().text.data() + w.back().text.size();
  return {begin, end};
}

/// Whether word i may be a finite verb, by itself and by the word before it.
inline bool is_verb_at(words_view w, std::size_t i) {
  const auto& word = w[i].lower;
  const bool singular = english::is_singular_verb(word), plural = english::is_plural_verb(word);
  if ((!singular && !plural) || i == 0) return false;
  const auto& before = w[i - 1].lower;
  const bool stands_alone =
      english::is_pronoun(before) || any_of(before, {"another", "each", "some", "many", "all", "both"});
  if (!stands_alone && (english::is_determiner(before) || english::is_preposition(before) ||
                        (english::is_adjective(before) && !is_be(word))))
    return any_of(before, {"below", "above", "behind", "inside", "outside", "up", "down"}) && !w[i].mark &&
           is_be(word);
  if (is_be(word) || singular) return true;
  // A base form is a noun more often than a verb: "the face mask", "a park".
  if (english::is_plural(before) || stands_alone || is_adverb(before)) return true;
  if (english::is_preposition(w[0].lower) && any_of(before, {"him", "her", "it", "them"}))
    return true;  // "in front of him stand"
  const bool several = std::any_of(w.begin(), w.begin() + static_cast<std::ptrdiff_t>(i),
                                   [](const word_token& t) { return t.lower == "and"; });
  return several && i + 1 < w.size() &&
         (english::is_determiner(w[i + 1].lower) || english::is_preposition(w[i + 1].lower));
}

/// Whether word i begins a relative clause: "who", "whose", "of which", "that says".
inline bool is_relative_at(words_view w, std::size_t i) {
  if (i == 0 || i + 1 >= w.size()) return false;
  const auto& word = w[i].lower;
  if (any_of(word, {"who", "whose", "whom", "which", "where"})) return true;
  return word == "that" && !english::is_preposition(w[i - 1].lower) &&
         !english::is_determiner(w[i - 1].lower) &&
         (english::is_singular_verb(w[i + 1].lower) || english::is_plural_verb(w[i + 1].lower) ||
          english::is_determiner(w[i + 1].lower) || english::is_pronoun(w[i + 1].lower));
}

/// The clause's own verb in [from, to), or no_word. The verbs of relative clauses are passed over.
inline std::size_t find_verb(words_view w, std::size_t from, std::size_t to) {
  bool relative = false;
  for (std::size_t i = from; i < to; ++i) {
    if (is_relative_at(w.first(to), i) && i > from) relative = true;
    if (i == from || !is_verb_at(w.subspan(from, to - from), i - from)) continue;
    if (!relative) return i;
    relative = false;
    while (i + 1 < to && (is_be(w[i + 1].lower) || english::is_participle(w[i + 1].lower))) ++i;
  }
  return no_word;
}

/// One past auxiliaries, participles and particles: "is | a man", "is holding up | a can", "is lined with |
/// bottles".
inline std::size_t verb_group_end(words_view w, std::size_t verb) {
  std::size_t i = verb + 1;
  while (i < w.size() && !w[i].mark) {
    const auto& word = w[i].lower;
    const bool verbal = is_be(word) || any_of(word, {"be", "been", "being", "has", "have"}) ||
                        is_adverb(word) || english::is_ing_form(word) ||
                        (english::is_participle(word) && !english::is_preposition(w[i - 1].lower)) ||
                        (i == verb + 1 && english::is_auxiliary(w[verb].lower) &&
                         english::is_plural_verb(word) && w[verb].lower == "can");
    if (!verbal && !english::is_preposition(word)) break;
    ++i;
  }
  return i;
}

/// A noun phrase in [begin, end): up to what is hung on it by a preposition other than "of", a participle, a
/// relative clause.
inline std::size_t noun_phrase_end(words_view w, std::size_t begin, std::size_t end) {
  std::size_t i = begin;
  while (i < end && (english::is_determiner(w[i].lower) || english::is_adjective(w[i].lower) ||
                     english::is_participle(w[i].lower)))
    ++i;
  const std::size_t first = i;
  for (; i < end; ++i) {
    const auto& word = w[i].lower;
    const bool noun_before = i > first;
    if (w[i].mark || is_conjunction(w[i])) {
      const bool between_adjectives = i + 1 < end && i > begin && english::is_adjective(w[i - 1].lower) &&
                                      english::is_adjective(w[i + 1].lower);
      if (!between_adjectives) return i;
    } else if (noun_before && ((english::is_preposition(word) && word != "of") ||
                               english::is_ing_form(word) || is_relative_at(w, i))) {
      return i;
    } else if (noun_before && english::is_participle(word) && !english::is_adjective(w[i - 1].lower) &&
               !english::is_determiner(w[i - 1].lower)) {
      return i;
    }
  }
  return end;
}

/// The noun with what names it, without determiner and adjectives: "pickup truck" of "a silver pickup truck".
inline words_view bare_noun(words_view w, std::size_t begin, std::size_t end) {
  const std::size_t stop = noun_phrase_end(w, begin, end);
  std::size_t i = begin;
  while (i + 1 < stop &&
         (english::is_determiner(w[i].lower) || english::is_adjective(w[i].lower) ||
          english::is_participle(w[i].lower) || w[i].mark || is_conjunction(w[i]) || is_adverb(w[i].lower)))
    ++i;
  return w.subspan(i, stop - i);
}

/// Whether a noun phrase speaks of several things.
inline bool names_several(words_view w) {
  if (w.empty()) return false;
  const auto& first = w.front().lower;
  if (any_of(first, {"a", "an", "one", "another", "each", "every", "this", "1"})) return false;
  if (any_of(first, {"two", "three", "four", "five", "six", "several", "many", "some", "few", "these",
                     "those", "both", "multiple", "numerous", "various"}))
    return true;
  const std::size_t end = noun_phrase_end(w, 0, w.size());
  for (std::size_t i = 0; i < end; ++i)
    if (w[i].lower == "of" && i > 0) return english::is_plural(w[i - 1].lower);
  return end > 0 && english::is_plural(w[end - 1].lower);
}

inline std::string capitalised(std::string s) {
  if (!s.empty()) s[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(s[0])));
  return s;
}

/// "A" -> "a" where the word is one that is small inside of a sentence.
inline std::string small_first(words_view w) {
  std::string out = join(w);
  if (w.empty() || (w[0].text.size() > 1 && !std::islower(static_cast<unsigned char>(w[0].text[1]))))
    return out;
  const bool common = english::is_determiner(w[0].lower) || english::is_preposition(w[0].lower) ||
                      english::is_pronoun(w[0].lower) || english::is_adjective(w[0].lower) ||
                      english::is_plural(w[0].lower);
  if (common && w[0].lower != "i") out[0] = w[0].lower[0];
  return out;
}

/// "a" or "an" before a word.
inline std::string article(std::string_view word) {
  const bool vowel = !word.empty() && std::string_view("aeiou").find(static_cast<char>(std::tolower(
                                          static_cast<unsigned char>(word[0])))) != std::string_view::npos;
  return vowel ? "an" : "a";
}

/// Whether the words name the picture itself, whose contents the verb then tells.
inline bool is_the_picture(words_view subject) {
  return subject.size() <= 2 && !subject.empty() &&
         any_of(subject.back().lower,
                {"picture", "image", "photo", "photograph", "scene", "drawing", "painting"});
}
inline bool tells_contents(std::string_view verb) {
  return any_of(english::base_form(verb), {"show", "depict", "feature", "display", "contain", "include",
                                           "capture", "present", "portray"});
}

/// Where a clause has its parts: [0, subject) is what stands in front ("on the left"), then the subject, the
/// verb and the rest.
struct clause_parts {
  std::size_t subject = 0, verb = no_word, object = 0;
  bool there = false;     ///< "there is ..."
  bool inverted = false;  ///< "on the left is a dog"
};

inline clause_parts parse_clause(words_view w) {
  clause_parts c;
  c.verb = find_verb(w, 0, w.size());
  if (c.verb == no_word) return c;
  c.object = verb_group_end(w, c.verb);
  if (w[c.verb - 1].lower == "there") {
    c.there = true;
    c.subject = c.verb - 1;
    return c;
  }
  const bool fronted = english::is_preposition(w[0].lower) || any_of(w[0].lower, {"here"});
  if (!fronted) return c;
  for (std::size_t i = 1; i < c.verb; ++i) {
    const auto& before = w[i - 1];
    const bool begins = english::is_determiner(w[i].lower) || english::is_pronoun(w[i].lower);
    if (before.text == "," || (begins && !before.mark && !english::is_preposition(before.lower) &&
                               !english::is_determiner(before.lower))) {
      c.subject = i;
      return c;
    }
  }
  c.inverted = true;
  c.subject = c.verb;
  return c;
}

/// Clauses with verbs of their own, in order.
inline std::vector<words_view> split_clauses(words_view w) {
  std::vector<words_view> out;
  std::size_t begin = 0;
  for (std::size_t i = 1; i + 1 < w.size(); ++i) {
    const bool comma = is_comma(w[i]);
    if (!comma && !is_conjunction(w[i])) continue;
    std::size_t next = comma ? i + 1 : i;
    const bool joined = is_conjunction(w[next]);
    if (joined) ++next;
    if (next >= w.size() || find_verb(w, begin, i) == no_word) continue;
    const auto& first = w[next].lower;
    const bool may_begin =
        english::is_determiner(first) || english::is_pronoun(first) || english::is_preposition(first) ||
        english::is_plural(first) || english::is_adjective(first) || w[i].text == ";" ||
        w[i].lower == "while" ||
        (comma && joined && !english::is_singular_verb(first) && !english::is_ing_form(first));
    if (!may_begin || is_relative_at(w, next) || is_relative_at(w, next + 1) || is_relative_at(w, next + 2))
      continue;
    std::size_t stop = next;
    while (stop < w.size() && !is_comma(w[stop])) ++stop;
    const std::size_t verb = find_verb(w, next, stop);
    if (verb == no_word) continue;
    // "and" inside of the next clause's way to its verb would be a boundary of its own: "a hat, and a coat
    // and he is".
    if (!joined && w[i].text == ",") {
      const auto way = w.subspan(next, verb - next);
      if (std::any_of(way.begin(), way.end(), is_conjunction)) continue;
    }
    out.push_back(w.subspan(begin, i - begin));
    begin = next;
    i = next;
  }
  out.push_back(w.subspan(begin));
  return out;
}

}  // namespace CANDOR_NS::detail
