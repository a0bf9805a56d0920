// SPDX-License-Identifier: Apache-2.0
#include "training/dry_run.hpp"

#include "sft/train.hpp"

namespace sft {

void dry_run(const candor::sft& loss, const training::options& o) { training::dry_run(o, loss); }

}  // namespace sft
