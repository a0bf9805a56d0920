// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Contrastive decoding (VCD, arXiv 2311.16922) for programs: how much, and the distorted pictures that
/// answers are contrasted with.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/image/distortion.hpp>
#include <candor/image/image_source.hpp>
#include <candor/model/processor.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace tools {

struct contrast_options {
  double alpha = 0;   ///< 0: no contrast
  double beta = 0.1;  ///< part of the likeliest token's probability that a token must have
  std::string distortion = "diffusion,stage=normalised";
};

/// The distortion of the options; usage_error for one that is unknown or needs another sample's picture.
inline candor::distortion distortion_of(const contrast_options& o) {
  const auto how = candor::distortion_from(o.distortion);
  candor::require<candor::usage_error>(how.kind != candor::distortion_kind::other,
                                       "--distortion other: a question comes without another sample's "
                                       "picture; take one of the other kinds");
  return how;
}

/// A prompt with each of its pictures distorted, by seeds that follow from `seed` and the prompt's key.
inline candor::encoded_record distorted(const candor::processor& processor,
                                        const candor::encoded_record& prompt,
                                        std::span<const candor::image_source> images,
                                        const candor::distortion& how, std::uint64_t seed) {
  candor::encoded_record out{prompt.tree, {}};
  candor::random_stream seeds(seed, prompt.tree.key);
  for (const auto& source : images) {
    const auto pixels = candor::distorted_tensor(candor::load_image(source), how, processor.transform(),
                                                 seeds.next_double_word());  // (3, S, S)
    out.pixels.insert(out.pixels.end(), pixels.begin(), pixels.end());
  }
  return out;
}

}  // namespace tools
