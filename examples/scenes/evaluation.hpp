// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The figures of one model on held-out scenes.

#include "scenes/metrics.hpp"

namespace scenes {

struct evaluation {
  caption_metrics brief;
  double yes_no = 0, absent_companions = 0;  ///< right answers, %
};

}  // namespace scenes
