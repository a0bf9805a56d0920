// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RLAIF-V's stages as parts of other recipes: fresh pictures, several answers to each, and verdicts about
/// their claims.

#include "compare/recipe.hpp"
#include "rlaif_v/rows.hpp"
#include "rlaif_v/stages.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace compare {

/// What a round samples. Each round has pictures of its own.
struct sampling_plan {
  std::int64_t pictures = 600;  ///< of a round, before the context's fraction
  std::int64_t samples = 10;    ///< answers to each
  int rounds = 1;
};

/// The answers to one picture, all to the same question.
using judged_group = std::vector<rlaif_v::answer_row>;

/// Runs the stages from "generate" to "judge" in context.folder/round-`round` (1, 2, ...), the model `policy`
/// answering and judging; what is done stays. Pictures are in context.folder/data/images.
std::vector<judged_group> judged_answers(const recipe_context& context, const sampling_plan& plan, int round,
                                         const std::filesystem::path& policy);

/// Claims that are confirmed, and those that are not.
struct claim_counts {
  std::int64_t confirmed = 0, unconfirmed = 0;
};
claim_counts count_claims(const rlaif_v::answer_row& answer);

/// Whether an answer ended by itself, claims something, and nothing twice.
bool usable(const rlaif_v::answer_row& answer);

/// A line of a record file: {"image", "question", "chosen"}, with "rejected" unless it is empty.
std::string record_line(const rlaif_v::answer_row& answer, const std::string& chosen,
                        const std::string& rejected = {});

/// Writes `lines` to o.data unless the file is there: what a training has begun with stays. input_error where
/// there are none.
void keep_records(const training::options& o, const std::string& lines);

}  // namespace compare
