// SPDX-License-Identifier: Apache-2.0
// An objective over plain floats has no derivative.
// expect: S is a dual number: call max, log_sigmoid, softplus without std::
#include <candor/objective/objective_program.hpp>

struct hinge {
  double beta = 0.1;
#if CANDOR_MUST_FAIL
  float operator()(const candor::pair<float>& y) const {
    return static_cast<float>(beta) * (y.rejected - y.chosen);
  }
#else
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return max(S(0), S(1) - beta * (y.chosen - y.rejected));
  }
#endif
};

template struct candor::objective_program<hinge>;
