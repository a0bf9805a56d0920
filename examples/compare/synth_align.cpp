// SPDX-License-Identifier: Apache-2.0
/// Synth-Align (arXiv 2412.17417): drawn pictures, several answers to each, and of the answers the best and
/// the worst by a judge as a pair. The judge is the base: an answer is worth its confirmed claims minus the
/// others.
#include "compare/judged.hpp"
#include "compare/recipes.hpp"
#include "compare/training.hpp"

#include <algorithm>

namespace compare {
namespace {

std::string pairs_of(const std::vector<judged_group>& groups) {
  std::string lines;
  for (const auto& group : groups) {
    std::vector<std::pair<std::int64_t, const rlaif_v::answer_row*>> worth;
    for (const auto& answer : group)
      if (usable(answer)) {
        const auto claims = count_claims(answer);
        worth.emplace_back(claims.confirmed - claims.unconfirmed, &answer);
      }
    if (worth.empty()) continue;
    const auto by_worth = [](const auto& a, const auto& b) { return a.first < b.first; };
    const auto [worst, best] = std::minmax_element(worth.begin(), worth.end(), by_worth);
    if (worst->first < best->first)
      lines += record_line(*best->second, best->second->answer, worst->second->answer);
  }
  return lines;
}

}  // namespace

recipe_result run_synth_align(const recipe_context& context) {
  const training::options o = training_options(context, context.base);
  keep_records(o, pairs_of(judged_answers(context, {.samples = 8}, 1, context.base)));
  return {.model = train_once(o, train_dpo), .records = records_in(o)};
}

}  // namespace compare
