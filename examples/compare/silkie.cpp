// SPDX-License-Identifier: Apache-2.0
/// Silkie (arXiv 2312.10665): four answers to each picture, each rated from 1 to 5 on the aspects of
/// VLFeedback, and every two with unequal means as a pair. The records are VLFeedback's, as its own files
/// have them. The base rates: helpful is an answer by the claims that it confirms, faithful by those that it
/// does not.
#include <candor/io/json_impl.hpp>

#include "compare/judged.hpp"
#include "compare/recipes.hpp"
#include "compare/training.hpp"

#include <algorithm>

namespace compare {
namespace {

using nlohmann::ordered_json;

ordered_json rating(std::int64_t value) {
  return {{"Rating", std::to_string(std::clamp<std::int64_t>(value, 1, 5))}};
}

/// Ratings of an answer; of one that repeats itself or was cut off nobody can tell.
ordered_json ratings_of(const rlaif_v::answer_row& answer) {
  if (!usable(answer)) return {{"Helpfulness", {{"Rating", "N/A"}}}};
  const auto claims = count_claims(answer);
  return {{"Helpfulness", rating(1 + claims.confirmed)},
          {"Visual Faithfulness", rating(5 - claims.unconfirmed)},
          {"Ethical Considerations", rating(5)}};
}

std::string ladders_of(const std::vector<judged_group>& groups) {
  std::string lines;
  for (const auto& group : groups) {
    auto responses = ordered_json::array(), annotations = ordered_json::array();
    for (const auto& answer : group) {
      responses.push_back(answer.answer);
      annotations.push_back(ratings_of(answer));
    }
    const ordered_json line{{"prompt", group.front().question},
                            {"img_path", group.front().image_path},
                            {"completions", {{"response", responses}, {"annotations", annotations}}}};
    lines += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace

recipe_result run_silkie(const recipe_context& context) {
  const training::options o = training_options(context, context.base);
  keep_records(o, ladders_of(judged_answers(context, {.samples = 4}, 1, context.base)));
  return {.model = train_once(o, train_dpo), .records = records_in(o)};
}

}  // namespace compare
