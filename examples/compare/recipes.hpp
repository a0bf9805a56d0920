// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The recipes, each in the file of its name.

#include "compare/recipe.hpp"

namespace compare {

recipe_result run_rlhf_v(const recipe_context& context);
recipe_result run_rlaif_v(const recipe_context& context);
recipe_result run_silkie(const recipe_context& context);
recipe_result run_synth_align(const recipe_context& context);
recipe_result run_illume(const recipe_context& context);
recipe_result run_aligner(const recipe_context& context);
recipe_result run_aligner_pairs(const recipe_context& context);
recipe_result run_sena(const recipe_context& context);

}  // namespace compare
