// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Divides an answer into claims, each a short sentence that is true or false by itself (RLAIF-V's "divide",
/// arXiv 2405.17220). A splitter is anything that models `claim_splitter`: the rules below, or a language
/// model that was asked to list facts (feedback/prompted.hpp).

#include <candor/core/config.hpp>

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// An answer with the question that it answers.
struct answered {
  std::string question, answer;
};

/// Claims of many answers at once, result[answer][claim], since a language model works in batches.
template <class S>
concept claim_splitter = requires(S splitter, std::span<const answered> answers) {
  { splitter.split(answers) } -> std::same_as<std::vector<std::vector<std::string>>>;
};

/// Claims of plain English by rules: sentences, their clauses, and of each clause the items of a list, what
/// follows the first verb, and the phrases with "with", "who" and "that", each with the words that it shares
/// with the rest:
///   "He wears a blue shirt, brown shorts and a cap."
///       -> "He wears a blue shirt."  "He wears brown shorts."  "He wears a cap."
///   "A man with a red hat sits on a bench, smiling at the camera."
///       -> "There is a man with a red hat."  "The man sits on a bench."  "The man is smiling at the camera."
/// A pronoun that stands alone as the subject becomes the subject of the sentence before. Words that would
/// repeat another claim (adjectives of a shared subject) are left out, so that one false word makes one claim
/// false.
std::vector<std::string> split_claims(std::string_view answer);

/// `split_claims` as a splitter. Claims that are opinions of the writer ("The image evokes ...") are left
/// out.
struct rule_splitter {
  std::vector<std::vector<std::string>> split(std::span<const answered> answers) const;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/claims_impl.hpp>
#endif
