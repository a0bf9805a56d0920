// SPDX-License-Identifier: Apache-2.0
#include "dpo/train.hpp"

#include "training/dry_run.hpp"

namespace dpo {

void dry_run(const candor::pairwise& loss, const training::options& o) { training::dry_run(o, loss); }

}  // namespace dpo
