// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/pairwise.hpp.

#include <candor/core/error.hpp>
#include <candor/feedback/pairwise.hpp>

#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE answer_contest swapped(const answer_contest& contest) {
  auto out = contest;
  std::swap(out.first, out.second);
  return out;
}

CANDOR_INLINE std::string pairwise_prompt(const answer_contest& c) {
  const std::size_t parts = c.first.size();
  require<usage_error>(parts > 0 && parts == c.second.size(),
                       c.source.empty() ? "[pairwise_prompt]" : c.source, ": answers of ", parts, " and ",
                       c.second.size(), " parts; give both the same number");
  std::string out =
      "Two answers to a question about the picture follow. Which one is better? An answer is good where what "
      "it says is "
      "in the picture, and where it answers the question. Neither its length nor its place counts.";
  if (parts > 1) out += " The answers are shown in turns, part by part; judge each as a whole.";
  out += "\n\n### Question\n" + c.question + "\n";
  for (std::size_t i = 0; i < parts; ++i)
    for (const auto& [letter, answer] : {std::pair("A", &c.first), {"B", &c.second}})
      out += text("\n### Answer ", letter, parts > 1 ? text(", part ", i + 1, " of ", parts) : "", "\n",
                  (*answer)[i], "\n");
  return out + "\nReply with one letter, A or B.";
}

}  // namespace CANDOR_NS
