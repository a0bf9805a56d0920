// SPDX-License-Identifier: Apache-2.0
#include "rlhf_v/train.hpp"

#include "training/dry_run.hpp"

namespace rlhf_v {

void dry_run(const settings& s, const training::options& o) { training::dry_run(o, objective_of(s)); }

}  // namespace rlhf_v
