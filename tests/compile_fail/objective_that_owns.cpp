// SPDX-License-Identifier: Apache-2.0
// An objective that owns memory cannot be copied to a device.
// expect: keep plain numbers in it, no pointers to what it owns
#include <candor/objective/objective_program.hpp>

#include <vector>

struct weighted {
#if CANDOR_MUST_FAIL
  std::vector<double> weights = {1.0, 0.5};
#else
  double weights[2] = {1.0, 0.5};
#endif
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return weights[0] * y.rejected - weights[1] * y.chosen;
  }
};

template struct candor::objective_program<weighted>;
