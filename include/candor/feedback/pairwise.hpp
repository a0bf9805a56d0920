// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Pairwise judging: which of two answers to a question about a picture is the better one. Judges prefer a
/// place, the first or the second, whatever stands there (position bias); feedback/pairwise_orders.hpp has
/// the remedies, as judges around a judge.

#include <candor/image/image_source.hpp>

#include <concepts>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Two answers to a question. Each is one part, or as many parts as the other one, which the judge then reads
/// in turns.
struct answer_contest {
  std::vector<image_source> images;
  std::string question;
  std::vector<std::string> first, second;
  std::string source = {};  ///< "pairs.jsonl:12", for errors
};

enum class winner { first, second, tie };

/// How likely the judge says that the first answer is the better one, and that the second one is. A judge
/// that cannot tell gives both the same.
struct pairwise_verdict {
  double first = 0, second = 0;
  winner better() const {
    return first > second ? winner::first : second > first ? winner::second : winner::tie;
  }
};

/// Verdicts on many contests at once, one each.
template <class J>
concept pairwise_judge = requires(J judge, std::span<const answer_contest> contests) {
  { judge.compare(contests) } -> std::same_as<std::vector<pairwise_verdict>>;
};

/// The same contest with the answers in the other order, and the verdict on it the other way round.
answer_contest swapped(const answer_contest& contest);
inline pairwise_verdict swapped(const pairwise_verdict& v) { return {v.second, v.first}; }

/// What a judge is asked: question and answers under headers, in turns where they have parts, and the letter
/// of the better one, A or B. usage_error where the answers have not the same number of parts, or none.
std::string pairwise_prompt(const answer_contest& contest);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/pairwise_impl.hpp>
#endif
