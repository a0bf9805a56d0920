// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/corrections.hpp.

#include <candor/feedback/corrections.hpp>
#include <candor/text/characters_impl.hpp>

#include <string_view>

namespace CANDOR_NS {

CANDOR_INLINE std::string correction_prompt(const std::string& question, const std::string& answer) {
  return "Edit the following Question-Answer pair so that the answer says what the picture shows: " + question + " | " +
         answer;
}

CANDOR_INLINE std::vector<std::size_t> changed_answers(std::span<const correction> corrections) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < corrections.size(); ++i) {
    const auto answer = detail::trimmed(corrections[i].answer),
               corrected = detail::trimmed(corrections[i].corrected);
    if (!answer.empty() && !corrected.empty() && answer != corrected) out.push_back(i);
  }
  return out;
}

}  // namespace CANDOR_NS
