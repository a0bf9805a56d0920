// SPDX-License-Identifier: Apache-2.0
// The trainer says the same, before anything else.
// expect: an objective needs `template <class S> CANDOR_HD S operator\(\)\(const pair<S>& y\) const`
// first: an objective needs
#include <candor/candor.hpp>

struct margin {
#if !CANDOR_MUST_FAIL
  template <class S>
  CANDOR_HD S operator()(const candor::pair<S>& y) const {
    return y.rejected - y.chosen;
  }
#endif
};

void train(candor::llava<candor::host, float>& policy) {
  candor::trainer trainer{policy, margin{}, candor::adamw{}};
}
