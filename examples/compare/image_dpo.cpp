// SPDX-License-Identifier: Apache-2.0
/// mDPO, V-DPO and CHiP: the pairs of RLHF-V's annotator, compared under the picture and under another one.
#include "image_dpo/train.hpp"

#include <candor/image/distortion.hpp>

#include "compare/recipes.hpp"
#include "compare/training.hpp"
#include "rlhf_v/scene_run.hpp"

namespace compare {
namespace {

recipe_result run_image_loss(const recipe_context& context, candor::image_loss loss) {
  training::options o = training_options(context, context.base);
  rlhf_v::prepare_pairs(
      o, {.base = context.base, .pictures = static_cast<int>(context.scaled(800)), .seed = context.seed});
  o.fit.variants = {{.name = "distorted", .how = candor::distortion_from(image_dpo::published_image(loss))}};
  if (loss == candor::image_loss::chip) {  // reads the reference's whole distributions
    o.reference_model = context.base;
    o.fit.reference = candor::reference_source::each_step;
  }
  const auto model =
      train_once(o, [&](const training::options& run) { image_dpo::train({.type = loss}, 0.05, run); });
  return {.model = model, .records = records_in(o)};
}

}  // namespace

recipe_result run_mdpo(const recipe_context& context) {
  return run_image_loss(context, candor::image_loss::mdpo);
}
recipe_result run_v_dpo(const recipe_context& context) {
  return run_image_loss(context, candor::image_loss::v_dpo);
}
recipe_result run_chip(const recipe_context& context) {
  return run_image_loss(context, candor::image_loss::chip);
}

}  // namespace compare
