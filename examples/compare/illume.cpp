// SPDX-License-Identifier: Apache-2.0
/// ILLUME (arXiv 2208.08241): sample, pick, fine-tune on what was picked, and again. The model itself is the
/// one who picks: the answer with most claims of those whose claims it confirms all.
#include "compare/judged.hpp"
#include "compare/recipes.hpp"
#include "compare/training.hpp"
#include "sft/train.hpp"

#include <algorithm>

namespace compare {
namespace {

constexpr int rounds = 2;

std::string picks_of(const std::vector<judged_group>& groups) {
  std::string lines;
  for (const auto& group : groups) {
    const rlaif_v::answer_row* best = nullptr;
    for (const auto& answer : group) {
      if (!usable(answer) || count_claims(answer).unconfirmed > 0) continue;
      if (best == nullptr || answer.claims.size() > best->claims.size()) best = &answer;
    }
    if (best != nullptr) lines += record_line(*best, best->answer);
  }
  return lines;
}

}  // namespace

recipe_result run_illume(const recipe_context& context) {
  recipe_result result{.model = context.base};
  for (int round = 1; round <= rounds; ++round) {
    training::options o = training_options(context, result.model, candor::text("round-", round, "/run"));
    o.data = context.folder / candor::text("round-", round) / "picks.jsonl";
    keep_records(o, picks_of(judged_answers(context, {.rounds = rounds}, round, result.model)));
    result.records += records_in(o, false);
    result.model = train_once(
        o, [](const training::options& run) { sft::train({.average = candor::sft_average::record}, run); });
  }
  return result;
}

}  // namespace compare
