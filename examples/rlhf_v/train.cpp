// SPDX-License-Identifier: Apache-2.0
#include "rlhf_v/train.hpp"

#include "training/train.hpp"

namespace rlhf_v {

training::outcome train(const settings& s, const training::options& o) {
  return training::train(o, objective_of(s));
}

}  // namespace rlhf_v
