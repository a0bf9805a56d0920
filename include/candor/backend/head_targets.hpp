// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the head is asked for: unique hidden rows, each with a list of targets.

#include <candor/core/config.hpp>

#include <cstdint>
#include <vector>

namespace CANDOR_NS {

/// Targets of hidden rows: those of row r are tokens[starts[r] .. starts[r+1]).
struct head_targets {
  std::vector<std::int32_t> starts;  ///< (R + 1)
  std::vector<std::int32_t> tokens;  ///< (N): vocabulary ids
};

}  // namespace CANDOR_NS
