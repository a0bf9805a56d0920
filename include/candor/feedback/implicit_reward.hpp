// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The reward that a model aligned by DPO carries against its reference (Rafailov et al., 2023), per token as
/// RLAIF-V takes the best of N with it:
///     r(y) = beta / |y| (log pi(y | x) - log pi_ref(y | x))       |y|: the answer's tokens, </s> included
/// Without 1 / |y| it favours short answers.

#include <candor/core/error.hpp>
#include <candor/model/scoring.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace CANDOR_NS {

struct implicit_reward_options {
  double beta = 0.1;
  bool per_token = true;
  scoring_options scoring = {};
};

/// The reward of an answer from the log-probs of its tokens under both models.
inline double implicit_reward(std::span<const float> aligned, std::span<const float> reference,
                              const implicit_reward_options& options = {}) {
  double sum = 0;
  for (std::size_t t = 0; t < aligned.size(); ++t)
    sum += static_cast<double>(aligned[t]) - static_cast<double>(reference[t]);
  return options.beta * sum / (options.per_token ? static_cast<double>(aligned.size()) : 1.0);
}

/// Rewards of the cells of records, result[record][cell], in nats (a token). Both models take the same
/// records: they share template, tokenizer and image transform.
template <class B, class T>
std::vector<std::vector<double>> implicit_rewards(llava_network<B, T>& aligned,
                                                  llava_network<B, T>& reference,
                                                  std::span<const encoded_record* const> records,
                                                  const implicit_reward_options& options = {}) {
  const auto now = score(aligned, records, options.scoring),
             before = score(reference, records, options.scoring);
  std::vector<std::vector<double>> rewards(records.size());
  for (std::size_t r = 0; r < records.size(); ++r)
    for (std::size_t c = 0; c < now[r].size(); ++c)
      rewards[r].push_back(implicit_reward(now[r][c], before[r][c], options));
  return rewards;
}

/// The place of the highest reward, the first at a tie. usage_error where there is none.
inline std::size_t best_of(std::span<const double> rewards) {
  require<usage_error>(!rewards.empty(), "[best_of] no rewards; expected one at least");
  return static_cast<std::size_t>(std::max_element(rewards.begin(), rewards.end()) - rewards.begin());
}

}  // namespace CANDOR_NS
