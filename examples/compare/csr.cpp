// SPDX-License-Identifier: Apache-2.0
/// CSR: two rounds, each from the model of the one before, ranked by the embedded world's CLIP.
#include "csr/csr.hpp"

#include "compare/recipes.hpp"
#include "compare/training.hpp"
#include "scenes/world.hpp"

namespace compare {

recipe_result run_csr(const recipe_context& context) {
  auto o = staged_options(context);
  csr::settings s;
  csr::apply_preset("scenes", s, o);
  s.instructions = context.scaled(s.instructions);
  s.clip = scenes::clip_folder();
  csr::resolve(s);
  const auto rounds = csr::run_rounds(s, o, true);
  return result_of_rounds(rounds.back().model, rounds);
}

}  // namespace compare
