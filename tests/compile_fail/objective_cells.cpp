// SPDX-License-Identifier: Apache-2.0
// An objective that declares three cells takes a pair of three.
// expect: `pair<S, n>` where it declares n cells
#include <candor/objective/objective_program.hpp>

struct contrast {
  static constexpr candor::cell_place cells[] = {{0}, {1}, {0, "distorted"}};
#if CANDOR_MUST_FAIL
  static constexpr int size = 2;
#else
  static constexpr int size = 3;
#endif
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S, size>& y) const {
    return y.rejected - y.chosen;
  }
};

template struct candor::objective_program<contrast>;
