// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Hallucinated answers made to order, as POVID's dispreferred texts are (arXiv 2402.11411, section 3.1): a
/// model that sees picture, question and correct answer puts a plausible mistake of a given kind into the
/// answer and leaves the rest as it is. What comes back is checked before it is used.

#include <candor/core/config.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// The three published kinds.
enum class injection_kind : std::uint8_t {
  object,    ///< something that usually goes along with what is there
  relation,  ///< who does what to whom, where things stand, how many there are, what follows from what
  attribute  ///< colour, size, material, shape, state, writing
};
inline constexpr std::array<injection_kind, 3> injection_kinds{
    injection_kind::object, injection_kind::relation, injection_kind::attribute};

std::string_view name_of(injection_kind kind);

/// The prompt that goes to the model with the picture. It asks for the changed answer under "### Changed
/// answer:".
std::string injection_prompt(std::string_view question, std::string_view answer, injection_kind kind);

struct injection_limits {
  /// Of words, 0 to 1: answers that share less with the correct one are no injection but another answer.
  double min_similarity = 0.5;
};

enum class injection_fate : std::uint8_t {
  kept,
  unreadable,  ///< no text under the header, or a further header
  unchanged,   ///< the correct answer's words
  rewritten    ///< fewer words in common than the limit says
};
std::string_view name_of(injection_fate fate);

struct injected_answer {
  std::string text;  ///< empty where it is unreadable
  injection_fate fate = injection_fate::unreadable;
  double similarity = 0;  ///< word_similarity to the correct answer
};

/// What a model's reply is worth against the correct answer.
injected_answer read_injection(std::string_view reply, std::string_view answer,
                               const injection_limits& limits = {});

/// 2 m / (a + b) for texts of a and b words with m in matching blocks (difflib's ratio over words, in lower
/// case and without marks); 1 where neither has words.
double word_similarity(std::string_view a, std::string_view b);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/injection_impl.hpp>
#endif
