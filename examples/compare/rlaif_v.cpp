// SPDX-License-Identifier: Apache-2.0
/// RLAIF-V: two rounds, each from the model of the one before.
#include "rlaif_v/pipeline.hpp"

#include "compare/recipes.hpp"
#include "compare/training.hpp"

namespace compare {

recipe_result run_rlaif_v(const recipe_context& context) {
  auto o = staged_options(context);
  rlaif_v::settings s;
  rlaif_v::apply_preset("scenes", s, o);
  s.seed = context.seed;
  s.instructions = context.scaled(s.instructions);
  rlaif_v::resolve(s);
  const auto run = rlaif_v::run_rounds(s, o, {"generate", "split", "ask", "judge", "pair", "train"}, true);
  return result_of_rounds(run.saved, run.rounds);
}

}  // namespace compare
