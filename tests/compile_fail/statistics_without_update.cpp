// SPDX-License-Identifier: Apache-2.0
// An objective with statistics must say how they change.
// expect: needs `void update\(statistics&, std::span<pair<double>> items\) const`
#include <candor/objective/objective_program.hpp>

struct centred {
  struct statistics {
    double mean = 0;
  };
#if !CANDOR_MUST_FAIL
  void update(statistics& s, std::span<candor::pair<double>> items) const {
    for (const auto& item : items)
      s.mean += (item.chosen - item.rejected) / static_cast<double>(items.size());
  }
#endif
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y, const statistics& s) const {
    return s.mean + y.rejected - y.chosen;
  }
};

template struct candor::objective_program<centred>;
