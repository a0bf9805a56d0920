// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The numeric guard: an optimizer step whose loss or gradient norm is not finite is skipped, so that the
/// weights never receive it; too many in a row end the run.

#include <candor/core/config.hpp>
#include <candor/core/error.hpp>

#include <cmath>
#include <cstdint>

namespace CANDOR_NS {

/// What a checkpoint keeps of a numeric_guard.
struct numeric_guard_state {
  std::int64_t consecutive = 0;  ///< skipped steps since the last accepted one
  std::int64_t skipped = 0;      ///< skipped steps of the whole run
};

/// Counts skipped steps. Ask it once a step, with values that all processes share (after the reduction),
/// before the optimizer changes anything:
///
///     if (guard.accepts(step, loss, gradient_norm)) optimizer.step(...);
class numeric_guard {
 public:
  /// `limit`: the number of skips in a row that ends the run, at least 1.
  explicit numeric_guard(std::int64_t limit = 5, numeric_guard_state restored = {})
      : limit_(limit), state_(restored) {
    require<usage_error>(limit >= 1, "the numeric guard's limit is ", limit, ", expected 1 or more");
  }

  /// True where both values are finite; false where the step is to be skipped. numeric_error at the
  /// `limit`-th skip in a row.
  bool accepts(std::int64_t step, double loss, double gradient_norm) {
    if (std::isfinite(loss) && std::isfinite(gradient_norm)) {
      state_.consecutive = 0;
      return true;
    }
    ++state_.consecutive;
    ++state_.skipped;
    require<numeric_error>(
        state_.consecutive < limit_, "step ", step, ": loss ", loss, ", gradient norm ", gradient_norm,
        ": not finite for ", state_.consecutive,
        " steps in a row; the weights are those before them. Lower the learning rate, warm up "
        "longer, or look at the records of these steps");
    return false;
  }

  std::int64_t consecutive() const { return state_.consecutive; }
  std::int64_t skipped() const { return state_.skipped; }
  const numeric_guard_state& state() const { return state_; }

 private:
  std::int64_t limit_;
  numeric_guard_state state_;
};

}  // namespace CANDOR_NS
