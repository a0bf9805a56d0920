// SPDX-License-Identifier: Apache-2.0
/// POVID: the text stage alone, and with the noise stage behind it in both of its forms.
#include "povid/scene_run.hpp"

#include "compare/recipes.hpp"
#include "compare/training.hpp"

namespace compare {
namespace {

recipe_result run_stages(const recipe_context& context, const std::vector<std::string>& stages,
                         const char* loss = "average", const char* image = "clean") {
  auto o = staged_options(context);
  povid::settings s;
  povid::apply_preset("scenes", s, o);
  s.form = loss;
  s.score_image = image;
  s.pictures = static_cast<int>(context.scaled(s.pictures));
  povid::resolve(s);
  const auto reports = povid::train_on_scenes(s, o, context.base, stages);
  return {.model = reports.back().model, .records = records_in(o)};
}

}  // namespace

recipe_result run_povid_text(const recipe_context& context) { return run_stages(context, {"text"}); }
recipe_result run_povid(const recipe_context& context) { return run_stages(context, {"text", "noise"}); }
recipe_result run_povid_published(const recipe_context& context) {
  return run_stages(context, {"text", "noise"}, "single", "noisy");
}

}  // namespace compare
