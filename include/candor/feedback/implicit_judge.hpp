// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The implicit reward as pairwise judge: the better answer is the one that alignment has made likelier. What
/// it says is the preference that DPO fits (Rafailov et al., 2023), and no order of the answers matters to
/// it:
///     P(first) = sigmoid(r(first) - r(second))

#include <candor/feedback/implicit_reward.hpp>
#include <candor/feedback/pairwise.hpp>
#include <candor/model/llava.hpp>

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// A pairwise_judge. Both models must outlive it, and share template, tokenizer and image transform. Answers
/// in parts are read as the whole that the parts make.
template <class B, class T>
class implicit_judge {
 public:
  implicit_judge(llava<B, T>& aligned, llava<B, T>& reference, implicit_reward_options options = {})
      : aligned_(aligned), reference_(reference), options_(options) {}

  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests) {
    const processor& p = aligned_.processor();
    std::vector<encoded_record> records;
    for (const auto& contest : contests) {
      const std::array answers{whole(contest.first), whole(contest.second)};
      records.push_back({p.tree(p.encode(contest.question, answers, contest.images.size(), contest.source)),
                         p.pixels(contest.images)});
    }
    std::vector<const encoded_record*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    std::vector<pairwise_verdict> verdicts;
    for (const auto& rewards : implicit_rewards(aligned_.network(), reference_.network(),
                                                std::span<const encoded_record* const>(pointers), options_)) {
      const double first = 1 / (1 + std::exp(rewards[1] - rewards[0]));
      verdicts.push_back({first, 1 - first});
    }
    return verdicts;
  }

 private:
  static std::string whole(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += part;
    return out;
  }

  llava<B, T>&aligned_, &reference_;
  implicit_reward_options options_;
};

}  // namespace CANDOR_NS
