// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// y = a + b, element by element. Shapes: a, b, y (T, C).

#include <candor/autograd/ops/linear.hpp>

namespace CANDOR_NS {

template <class B, class T>
variable<B, T> add(tape<B>& tape, const variable<B, T>& a, const variable<B, T>& b) {
  require<shape_error>(a.extents() == b.extents(), "[add] a is ", a.extents(), ", b is ", b.extents());
  const bool tracked = tape.recording() && (a.tracked() || b.tracked());
  B& backend = tape.backend();
  variable<B, T> y(backend, a.extents(), tracked);
  backend.rows(y.rows(), y.cols(), add_rows_program<B, T>{a.value(), {y.value(), false}});
  backend.rows(y.rows(), y.cols(), add_rows_program<B, T>{b.value(), {y.value(), true}});
  if (tracked)
    tape.record([&backend, a, b, y] {
      if (a.tracked() && b.tracked())
        backend.rows(y.rows(), y.cols(), add_rows_program<B, T>{y.gradient(), a.sink()});
      pass_gradient(backend, y, b.tracked() ? b : a);
    });
  return y;
}

}  // namespace CANDOR_NS
