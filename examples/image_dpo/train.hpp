// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The losses over several images, compiled once for both ways of running the program.

#include <candor/objective/image_preference.hpp>

#include "training/options.hpp"
#include "training/outcome.hpp"

#include <string_view>

namespace image_dpo {

/// The other image as the loss's paper has it, as distortion_from reads it; "second": the record's second
/// image.
constexpr std::string_view published_image(candor::image_loss loss) {
  switch (loss) {
    case candor::image_loss::mdpo: return "crop,stage=resized";
    case candor::image_loss::v_dpo: return "mean";
    case candor::image_loss::sym_mpo: return "second";
    case candor::image_loss::opa_dpo: return "pixel_mask,share=0.3";
    case candor::image_loss::chip: return "diffusion,stage=normalised";
  }
  return "";
}

/// `sft_weight`: of - log p(chosen) beside the loss.
training::outcome train(const candor::image_preference& loss, double sft_weight, const training::options& o);

/// Prints what `train` would do: training/dry_run.hpp.
void dry_run(const candor::image_preference& loss, const training::options& o);

}  // namespace image_dpo
