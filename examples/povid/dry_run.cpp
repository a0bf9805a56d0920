// SPDX-License-Identifier: Apache-2.0
#include "povid/stages.hpp"

#include "training/dry_run.hpp"

namespace povid {

void dry_run(const settings& s, const training::options& given) {
  training::options o = given;
  o.fit.variants = {noisy_picture(s)};
  training::dry_run(o, objective_of(s, true));
}

}  // namespace povid
