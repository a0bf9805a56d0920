// SPDX-License-Identifier: Apache-2.0
#include "dpo/train.hpp"

#include "training/train.hpp"

namespace dpo {

training::outcome train(const candor::pairwise& loss, const training::options& o) {
  return training::train(o, loss);
}

}  // namespace dpo
