// SPDX-License-Identifier: Apache-2.0
#include "image_dpo/train.hpp"

#include "training/train.hpp"

namespace image_dpo {

training::outcome train(const candor::image_preference& loss, const training::options& o) {
  return training::train(o, loss);
}

}  // namespace image_dpo
