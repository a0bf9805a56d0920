// SPDX-License-Identifier: Apache-2.0
#include "image_dpo/train.hpp"

#include "training/dry_run.hpp"

namespace image_dpo {

void dry_run(const candor::image_preference& loss, const training::options& o) { training::dry_run(o, loss); }

}  // namespace image_dpo
