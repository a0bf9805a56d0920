// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a training run did.

#include <candor/core/config.hpp>

#include <cstdint>

namespace CANDOR_NS {

struct fit_result {
  std::int64_t steps = 0;
  double seconds = 0;  ///< of this process, reference and evaluation included
  double loss = 0;     ///< of the last step, nats; NaN where none was left to do
  std::int64_t best_step = 0;  ///< with load_best_model_at_end, the step whose model came out; else 0
  double best_value = 0;       ///< of metric_for_best_model, at that step
};

}  // namespace CANDOR_NS
