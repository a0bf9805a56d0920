// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// log sum_i exp(z[i]) of a row, for row programs.

#include <candor/core/math.hpp>

#include <cstdint>
#include <limits>

namespace CANDOR_NS {

/// Without overflow: taken from the row's largest element.
template <class Team, class A>
CANDOR_HD A log_sum_exp(const Team& team, std::int64_t n, const A* z) {
  const A top = team.max(n, -std::numeric_limits<A>::infinity(), [=](std::int64_t i) { return z[i]; });
  return top + math::log(team.sum(n, [=](std::int64_t i) { return math::exp(z[i] - top); }));
}

}  // namespace CANDOR_NS
