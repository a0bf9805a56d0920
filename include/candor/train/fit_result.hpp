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
  double loss = 0;     ///< of the last step, nats
};

}  // namespace CANDOR_NS
