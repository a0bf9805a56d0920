// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From judged answers to preference pairs (RLAIF-V, arXiv 2405.17220, and its released code):
///     S(y) = -(number of claims that are not confirmed)           as published: a short answer with few
///     claims wins S(y) = confirmed claims / claims                            the fraction
/// and all pairs of answers to one question whose scores differ by the least gap, with the higher as chosen.

#include <candor/model/questions.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// An answer with the questions that its claims became, and their verdicts, one each.
struct judged_answer {
  std::string answer;
  std::vector<std::string> questions;
  std::vector<yes_no_answer> verdicts;
};

/// The answers to one question about one picture.
struct answer_group {
  std::string id;  ///< of the instruction or picture; groups may share it
  std::vector<judged_answer> answers;
};

enum class score_rule { unconfirmed, fraction };

/// The score of an answer; it must have claims.
double response_score(std::span<const yes_no_answer> verdicts, score_rule rule);

struct pair_options {
  score_rule rule = score_rule::unconfirmed;
  double min_gap = 1.0;         ///< between the scores of a pair
  std::size_t max_per_id = 2;   ///< pairs of the groups that share an id, drawn at random; 0: all
  bool drop_repeated = true;    ///< no pair with an answer that makes the same claim twice
  bool balance_lengths = true;  ///< `balance_lengths` at the end
  std::uint64_t seed = 0;       ///< of the draw
};

/// A pair names its answers by their places.
struct answer_pair {
  std::size_t group = 0, chosen = 0, rejected = 0;
  double gap = 0;  ///< difference of the scores
  friend bool operator==(const answer_pair&, const answer_pair&) = default;
};

/// The pairs, and what was left out on the way.
struct pair_selection {
  std::vector<answer_pair> pairs;       ///< in order of groups
  std::size_t without_claims = 0;       ///< answers that made no claim: they are in no pair
  std::size_t groups_without_pair = 0;  ///< all scores equal, or fewer than two answers with claims
  std::size_t ordered = 0;              ///< pairs with a gap
  std::size_t repeated = 0;             ///< of those: left out because an answer repeats a claim
  std::size_t beyond_maximum = 0;       ///< left out by the draw
  std::size_t unbalanced = 0;           ///< left out for their lengths
  double longest_shortening = 0;        ///< what `balance_lengths` chose
};

/// usage_error where an answer has not one verdict for each question.
pair_selection select_pairs(std::span<const answer_group> groups, const pair_options& options = {});

/// Length balance as released: a pair stays where (rejected - chosen) / rejected <= r, in words between
/// spaces, and its texts differ; r of {0, 0.02, ..., 0.98} is the first with the least |mean chosen - mean
/// rejected| / mean rejected over what stays. Gives r, or 0 where there are no pairs.
double balance_lengths(std::vector<answer_pair>& pairs, std::span<const answer_group> groups);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/pairs_impl.hpp>
#endif
