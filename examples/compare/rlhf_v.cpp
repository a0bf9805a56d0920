// SPDX-License-Identifier: Apache-2.0
/// RLHF-V: the known contents play the annotator.
#include "rlhf_v/scene_run.hpp"

#include "compare/recipes.hpp"
#include "compare/training.hpp"

namespace compare {

recipe_result run_rlhf_v(const recipe_context& context) {
  training::options o = training_options(context, context.base);
  rlhf_v::settings s;
  rlhf_v::apply_preset("scenes", s, o);
  const auto model = train_once(o, [&](training::options run) {
    run.output = context.folder;
    rlhf_v::train_on_scenes(
        s, run,
        {.base = context.base, .pictures = static_cast<int>(context.scaled(800)), .seed = context.seed});
  });
  return {.model = model, .records = records_in(o)};
}

}  // namespace compare
