// SPDX-License-Identifier: Apache-2.0
#include "sft/train.hpp"

#include "training/train.hpp"

namespace sft {

training::outcome train(const candor::sft& loss, const training::options& o) {
  return training::train(o, loss);
}

}  // namespace sft
