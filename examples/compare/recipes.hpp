// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The recipes; those that share their records share a file.

#include "compare/recipe.hpp"

namespace compare {

recipe_result run_rlhf_v(const recipe_context& context);
recipe_result run_mdpo(const recipe_context& context);
recipe_result run_v_dpo(const recipe_context& context);
recipe_result run_chip(const recipe_context& context);
recipe_result run_povid_text(const recipe_context& context);
recipe_result run_povid(const recipe_context& context);
recipe_result run_povid_published(const recipe_context& context);
recipe_result run_rlaif_v(const recipe_context& context);
recipe_result run_csr(const recipe_context& context);
recipe_result run_silkie(const recipe_context& context);
recipe_result run_synth_align(const recipe_context& context);
recipe_result run_illume(const recipe_context& context);
recipe_result run_aligner(const recipe_context& context);
recipe_result run_aligner_pairs(const recipe_context& context);
recipe_result run_sena(const recipe_context& context);

}  // namespace compare
