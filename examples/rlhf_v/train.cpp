// SPDX-License-Identifier: Apache-2.0
#include "rlhf_v/train.hpp"

#include "training/train.hpp"

namespace rlhf_v {

training::outcome train(const settings& s, const training::options& o) {
  return training::train(o, candor::with_sft<candor::dense_dpo>{s.loss, {.weight = s.sft_weight}});
}

}  // namespace rlhf_v
