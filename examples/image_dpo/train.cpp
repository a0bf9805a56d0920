// SPDX-License-Identifier: Apache-2.0
#include "image_dpo/train.hpp"

#include <candor/objective/sft.hpp>

#include "training/train.hpp"

namespace image_dpo {

training::outcome train(const candor::image_preference& loss, double sft_weight, const training::options& o) {
  return training::train(o, candor::with_sft<candor::image_preference>{loss, {.weight = sft_weight}});
}

}  // namespace image_dpo
