// SPDX-License-Identifier: Apache-2.0
// An objective must say in which cells it reads the divergence from the reference.
// expect: needs `bool needs_kl\(int cell\) const`
#include <candor/objective/objective_program.hpp>

struct kept_close {
#if CANDOR_MUST_FAIL
  static constexpr bool needs_kl = true;
#else
  constexpr bool needs_kl(int cell) const { return cell == 0; }
#endif
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return y.cells[0].kl + y.rejected - y.chosen;
  }
};

template struct candor::objective_program<kept_close>;
