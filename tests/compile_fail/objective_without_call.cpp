// SPDX-License-Identifier: Apache-2.0
// An objective without a call operator.
// expect: an objective needs `template <class S> CANDOR_HD S operator\(\)\(const pair<S>& y\) const`
#include <candor/objective/objective_program.hpp>

struct margin {
  double beta = 0.1;
#if !CANDOR_MUST_FAIL
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return beta * (y.rejected - y.chosen);
  }
#endif
};

template struct candor::objective_program<margin>;
