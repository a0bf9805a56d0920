// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/questions.hpp.

#include <candor/feedback/clauses_impl.hpp>
#include <candor/feedback/questions.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {
namespace detail {

/// "Is there a dog" or "Are there two dogs".
inline std::string is_there(words_view noun) {
  return std::string(names_several(noun) ? "Are there " : "Is there ") + small_first(noun);
}

}  // namespace detail

CANDOR_INLINE std::string polar_question(std::string_view claim) {
  const auto all = split_words(claim);
  detail::words_view w(all);
  while (!w.empty() && w.back().mark) w = w.first(w.size() - 1);
  if (w.empty()) return {};
  const auto c = detail::parse_clause(w);
  if (c.verb == detail::no_word) {
    if (english::is_determiner(w[0].lower) || english::is_plural(w[w.size() - 1].lower))
      return detail::is_there(w) + "?";
    return "Is it true that " + detail::small_first(w) + "?";
  }
  auto front = w.first(c.subject);
  if (!front.empty() && front.back().mark) front = front.first(front.size() - 1);
  const std::string place = front.empty() ? "" : " " + detail::small_first(front);
  const auto rest = w.subspan(c.verb + 1);
  const auto& verb = w[c.verb].lower;
  if ((c.there || c.inverted) && !rest.empty()) return detail::is_there(rest) + place + "?";
  const auto subject = w.subspan(c.subject, c.verb - c.subject);
  if (subject.empty() || rest.empty()) return "Is it true that " + detail::small_first(w) + "?";
  if (detail::is_the_picture(subject) && detail::tells_contents(verb))
    return detail::is_there(rest) + place + "?";
  if (english::is_auxiliary(verb))
    return detail::capitalised(verb) + " " + detail::small_first(subject) + " " + detail::join(rest) + place +
           "?";
  if (detail::any_of(verb, {"has", "have"}) && english::is_participle(rest[0].lower) &&
      rest[0].lower == "been")
    return detail::capitalised(verb) + " " + detail::small_first(subject) + " " + detail::join(rest) + place +
           "?";
  const bool past = detail::any_of(verb, {"sat", "stood", "wore", "held", "had"});
  const std::string support = past ? "Did " : english::is_singular_verb(verb) ? "Does " : "Do ";
  return support + detail::small_first(subject) + " " + english::base_form(verb) + " " + detail::join(rest) +
         place + "?";
}

CANDOR_INLINE std::vector<std::string> rule_questioner::ask(std::span<const std::string> claims) const {
  std::vector<std::string> out;
  for (const auto& claim : claims) out.push_back(polar_question(claim));
  return out;
}

}  // namespace CANDOR_NS
