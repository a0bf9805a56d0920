// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/injection.hpp.

#include <candor/core/error.hpp>
#include <candor/feedback/injection.hpp>
#include <candor/text/align.hpp>
#include <candor/text/characters_impl.hpp>
#include <candor/text/sentences.hpp>

#include <map>
#include <span>
#include <vector>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view injection_header = "### Changed answer:";

/// The words of a text as numbers, the same for the same word.
CANDOR_INLINE std::vector<std::int32_t> word_numbers(std::string_view text,
                                                     std::map<std::string, std::int32_t>& known) {
  std::vector<std::int32_t> out;
  for (const auto& word : split_words(text))
    if (!word.mark)
      out.push_back(known.try_emplace(word.lower, static_cast<std::int32_t>(known.size())).first->second);
  return out;
}

CANDOR_INLINE std::string_view injection_task(injection_kind kind) {
  switch (kind) {
    case injection_kind::object:
      return "Name one or two things that usually go along with what the picture shows, but are not in it.";
    case injection_kind::relation:
      return "Get one or two relations wrong: where things stand to each other, who does what to whom, how "
             "many there are, or what follows from what.";
    default:
      return "Get one or two attributes wrong: the colour, size, material, shape or state of a thing, or "
             "what is written on it.";
  }
}

}  // namespace detail

CANDOR_INLINE std::string_view name_of(injection_kind kind) {
  constexpr std::string_view names[] = {"object", "relation", "attribute"};
  return names[static_cast<std::size_t>(kind)];
}

CANDOR_INLINE std::string_view name_of(injection_fate fate) {
  constexpr std::string_view names[] = {"kept", "unreadable", "unchanged", "rewritten"};
  return names[static_cast<std::size_t>(fate)];
}

CANDOR_INLINE std::string injection_prompt(std::string_view question, std::string_view answer,
                                           injection_kind kind) {
  return text(
      "Below are a question about the picture and a correct answer. Write the answer again with a mistake "
      "in it, as a model makes it that does not look closely: plausible, and said with confidence. ",
      detail::injection_task(kind),
      " Keep every other word as it is, and do not say that anything was changed. Write the changed answer "
      "under the header \"",
      detail::injection_header, "\", and nothing else.\n\n### Question:\n", question, "\n\n### Answer:\n",
      answer, "\n");
}

CANDOR_INLINE double word_similarity(std::string_view a, std::string_view b) {
  std::map<std::string, std::int32_t> known;
  const auto left = detail::word_numbers(a, known), right = detail::word_numbers(b, known);
  if (left.empty() && right.empty()) return 1.0;
  std::size_t matched = 0;
  for (const auto& block : matching_blocks(left, right, false)) matched += block.size;
  return 2.0 * static_cast<double>(matched) / static_cast<double>(left.size() + right.size());
}

CANDOR_INLINE injected_answer read_injection(std::string_view reply, std::string_view answer,
                                             const injection_limits& limits) {
  injected_answer out;
  const auto header = reply.find(detail::injection_header);
  if (header == std::string_view::npos) return out;
  const auto changed = detail::trimmed(reply.substr(header + detail::injection_header.size()));
  if (changed.empty() || changed.find("###") != std::string_view::npos) return out;
  out.text = changed;
  out.similarity = word_similarity(answer, changed);
  out.fate = out.similarity == 1.0                    ? injection_fate::unchanged
             : out.similarity < limits.min_similarity ? injection_fate::rewritten
                                                      : injection_fate::kept;
  return out;
}

}  // namespace CANDOR_NS
