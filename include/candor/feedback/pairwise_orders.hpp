// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Judges around a pairwise judge that mend its bias for a place: ask in both orders, and, where the orders
/// disagree, show the answers in turns, part by part (PORTIA: "split and merge", arXiv 2310.01432).
///
///     candor::split_and_merge judge(inner);             // both orders, then parts of equal length, then of
///     equal words const auto verdicts = judge.compare(contests); judge.counts().consistent() // contests on
///     which both orders agreed in the end

#include <candor/core/error.hpp>
#include <candor/feedback/pairwise.hpp>
#include <candor/feedback/pairwise_parts.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace CANDOR_NS {

/// A verdict of both orders: the mean of their probabilities where they agree, else a tie.
struct ordered_verdict {
  pairwise_verdict verdict;
  bool consistent = true;
};

/// How often the orders of a contest agreed.
struct order_counts {
  std::int64_t contests = 0;
  std::int64_t whole = 0;             ///< agreed when the answers were shown whole
  std::int64_t by_length = 0;         ///< agreed when they were shown in parts of the same length
  std::int64_t by_words = 0;          ///< agreed when they were shown in parts of the same words
  std::int64_t first_preferred = 0;   ///< whole, both orders: the first place won
  std::int64_t second_preferred = 0;  ///< the second place won

  std::int64_t consistent() const { return whole + by_length + by_words; }
};

/// Asks in both orders. A contest on which they disagree is a tie. The judge must outlive it.
template <pairwise_judge Judge>
class both_orders {
 public:
  explicit both_orders(Judge& judge) : judge_(judge) {}

  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests) {
    std::vector<pairwise_verdict> out;
    for (const auto& v : compare_orders(contests)) out.push_back(v.verdict);
    return out;
  }
  const order_counts& counts() const { return counts_; }

  /// The same, with whether the orders agreed.
  std::vector<ordered_verdict> compare_orders(std::span<const answer_contest> contests) {
    std::vector<answer_contest> asked;
    for (const auto& contest : contests) {
      asked.push_back(contest);
      asked.push_back(swapped(contest));
    }
    const auto said = judge_.compare(asked);
    require<usage_error>(said.size() == asked.size(), "[both_orders] the judge gave ", said.size(),
                         " verdicts on ", asked.size(), " contests; expected one each");
    std::vector<ordered_verdict> out;
    for (std::size_t i = 0; i < contests.size(); ++i) {
      const auto& one = said[2 * i];
      const auto other = swapped(said[2 * i + 1]);
      const pairwise_verdict mean{(one.first + other.first) / 2, (one.second + other.second) / 2};
      const bool agreed = one.better() == other.better();
      const double neither = (mean.first + mean.second) / 2;
      out.push_back({agreed ? mean : pairwise_verdict{neither, neither}, agreed});
      counts_.whole += agreed;
      counts_.first_preferred += one.better() == winner::first && other.better() == winner::second;
      counts_.second_preferred += one.better() == winner::second && other.better() == winner::first;
    }
    counts_.contests += static_cast<std::int64_t>(contests.size());
    return out;
  }

 private:
  Judge& judge_;
  order_counts counts_;
};

struct split_and_merge_options {
  int parts = 3;         ///< that answers are cut into
  bool by_words = true;  ///< also try cuts where parts say the same
};

/// Both orders; where they disagree, both orders in parts of the same length; where these disagree, in parts
/// of the same words. What stays inconsistent is a tie. Answers of one sentence cannot be cut. The judge must
/// outlive it.
template <pairwise_judge Judge>
class split_and_merge {
 public:
  explicit split_and_merge(Judge& judge, split_and_merge_options options = {})
      : judge_(judge), options_(options) {}

  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests) {
    both_orders<Judge> whole(judge_);
    auto verdicts = whole.compare_orders(contests);
    counts_.contests += whole.counts().contests;
    counts_.whole += whole.counts().whole;
    counts_.first_preferred += whole.counts().first_preferred;
    counts_.second_preferred += whole.counts().second_preferred;
    counts_.by_length += ask_in_parts(contests, verdicts, parts_by_length);
    if (options_.by_words) counts_.by_words += ask_in_parts(contests, verdicts, parts_by_words);
    std::vector<pairwise_verdict> out;
    for (const auto& v : verdicts) out.push_back(v.verdict);
    return out;
  }
  const order_counts& counts() const { return counts_; }

 private:
  /// Asks again what is inconsistent and can be cut; gives how many became consistent.
  template <class Cut>
  std::int64_t ask_in_parts(std::span<const answer_contest> contests, std::vector<ordered_verdict>& verdicts,
                            Cut cut) {
    std::vector<answer_contest> asked;
    std::vector<std::size_t> whose;
    for (std::size_t i = 0; i < contests.size(); ++i) {
      const auto& c = contests[i];
      if (verdicts[i].consistent || c.first.size() != 1 || c.second.size() != 1) continue;
      auto parts = cut(c.first.front(), c.second.front(), options_.parts);
      if (parts.first.size() < 2) continue;
      asked.push_back({c.images, c.question, std::move(parts.first), std::move(parts.second), c.source});
      whose.push_back(i);
    }
    if (asked.empty()) return 0;
    both_orders<Judge> again(judge_);
    const auto said = again.compare_orders(asked);
    for (std::size_t i = 0; i < said.size(); ++i) verdicts[whose[i]] = said[i];
    return again.counts().whole;
  }

  Judge& judge_;
  split_and_merge_options options_;
  order_counts counts_;
};

}  // namespace CANDOR_NS
