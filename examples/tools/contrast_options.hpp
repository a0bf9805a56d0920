// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The options of contrastive decoding, under VCD's names too.

#include "tools/contrast.hpp"

#include <CLI/CLI.hpp>

namespace tools {

/// Adds --contrast-alpha, --contrast-beta and --distortion.
inline void add_contrast_options(CLI::App& app, contrast_options& o) {
  app.add_option("--contrast-alpha,--cd-alpha,--cd_alpha", o.alpha,
                 "contrastive decoding (VCD, arXiv 2311.16922): logits (1 + alpha) z(picture) - alpha "
                 "z(distorted picture); 0: none, VCD takes 1")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--contrast-beta,--cd-beta,--cd_beta", o.beta,
                 "of it: only tokens with at least this part of the likeliest one's probability")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option(
         "--distortion", o.distortion,
         "of it: KIND[,FIELD=VALUE...]: diffusion (step), gaussian, black, mean, crop (area), rotation "
         "(degrees), pixel_mask (share) or block_mask (share, block), with stage=raw, resized or "
         "normalised; crop,stage=resized,area=0.01..0.2")
      ->type_name("TEXT");
}

}  // namespace tools
