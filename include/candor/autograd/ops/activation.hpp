// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Pointwise activations, each a small struct with value and derivative.
///   gelu:       x Phi(x)             (Hendrycks and Gimpel, 2016; the exact form with erf)
///   quick_gelu: x sigmoid(1.702 x)   (CLIP's)
/// Shapes: x, y (T, C).

#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS {

struct gelu {
  template <class A>
  CANDOR_HD CANDOR_ALWAYS_INLINE static A value(A x) {
    return A(0.5) * x * (A(1) + math::erf(x * A(0.70710678118654752440)));
  }
  template <class A>
  CANDOR_HD CANDOR_ALWAYS_INLINE static A derivative(A x) {
    const A phi = A(0.39894228040143267794) * math::exp(A(-0.5) * x * x);
    return A(0.5) * (A(1) + math::erf(x * A(0.70710678118654752440))) + x * phi;
  }
};

struct quick_gelu {
  template <class A>
  CANDOR_HD CANDOR_ALWAYS_INLINE static A value(A x) {
    return x * math::sigmoid(A(1.702) * x);
  }
  template <class A>
  CANDOR_HD CANDOR_ALWAYS_INLINE static A derivative(A x) {
    const A s = math::sigmoid(A(1.702) * x);
    return s * (A(1) + A(1.702) * x * (A(1) - s));
  }
};

template <class Activation, class B, class T>
struct activation_program {
  view<B, const T> x;
  view<B, T> y;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const T* in = x.row(row);
    T* out = y.row(row);
    map_elements(team, x.cols, out, [](accumulator_t<T> v) { return Activation::value(v); }, in);
  }
};

template <class Activation, class B, class T>
struct activation_gradient {
  view<B, const T> x, d_y;
  gradient_sink<B, T> d_x;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T* in = x.row(row);
    const T* d_out = d_y.row(row);
    T* d = d_x.d.row(row);
    if (d_x.add)  // outside of the loop, which is not vectorised otherwise
      map_elements(
          team, x.cols, d, [](A before, A v, A dy) { return before + dy * Activation::derivative(v); }, d, in, d_out);
    else
      map_elements(team, x.cols, d, [](A v, A dy) { return dy * Activation::derivative(v); }, in, d_out);
  }
};

/// y = Activation(x), as in `activate<gelu>(tape, x)`.
template <class Activation, class B, class T>
variable<B, T> activate(tape<B>& tape, const variable<B, T>& x) {
  const bool tracked = tape.recording() && x.tracked();
  B& backend = tape.backend();
  variable<B, T> y(backend, x.extents(), tracked);
  backend.rows(x.rows(), 16 * x.cols(), activation_program<Activation, B, T>{x.value(), y.value()});
  if (tracked)
    tape.record([&backend, x, y] {
      backend.rows(x.rows(), 16 * x.cols(), activation_gradient<Activation, B, T>{x.value(), y.gradient(), x.sink()});
    });
  return y;
}

}  // namespace CANDOR_NS
