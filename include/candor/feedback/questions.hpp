// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Turns claims into questions that are answered by yes or no (RLAIF-V's stage between "divide" and
/// "conquer").

#include <candor/core/config.hpp>

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Questions for many claims at once, one each and in order.
template <class Q>
concept claim_questioner = requires(Q questioner, std::span<const std::string> claims) {
  { questioner.ask(claims) } -> std::same_as<std::vector<std::string>>;
};

/// A claim as a polar question, by rules:
///   "The picture shows a red sun."  -> "Is there a red sun?"     "There are two dogs."   -> "Are there two
///   dogs?" "The man is holding a can."     -> "Is the man holding a can?" "He wears a cap."               ->
///   "Does he wear a cap?" "On the left is a white dog."   -> "Is there a white dog on the left?"
/// A claim without a known verb is asked for as a whole: "Is it true that ...?"
std::string polar_question(std::string_view claim);

/// `polar_question` as a questioner.
struct rule_questioner {
  std::vector<std::string> ask(std::span<const std::string> claims) const;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/questions_impl.hpp>
#endif
