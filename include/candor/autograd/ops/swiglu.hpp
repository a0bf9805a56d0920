// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// SwiGLU (Shazeer, 2020): y = g sigmoid(g) u, with gate g and up u side by side in one matrix.
/// Backward: d_u = d_y g s,  d_g = d_y u s (1 + g (1 - s)),  s = sigmoid(g).
/// Shapes: gate_up (T, 2F), y (T, F).

#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS {

template <class B, class T>
struct swiglu_program {
  view<B, const T> gate_up;  // (T, 2F)
  view<B, T> y;              // (T, F)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T* gate = gate_up.row(row);
    const T* up = gate + y.cols;
    T* out = y.row(row);
    map_elements(team, y.cols, out, [](A g, A u) { return g * math::sigmoid(g) * u; }, gate, up);
  }
};

template <class B, class T>
struct swiglu_gradient {
  view<B, const T> gate_up, d_y;  // (T, 2F), (T, F)
  gradient_sink<B, T> d;          // (T, 2F)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    const std::int64_t width = d_y.cols;
    const T* gate = gate_up.row(row);
    const T* up = gate + width;
    const T* d_out = d_y.row(row);
    T* d_gate = d.d.row(row);
    T* d_up = d_gate + width;
    const auto gradient = [](A g, A u, A dy) {
      const A s = math::sigmoid(g);
      return two<A>{dy * u * s * (A(1) + g * (A(1) - s)), dy * g * s};
    };
    if (d.add)  // outside of the loop, which is not vectorised otherwise
      map_two(
          team, width, d_gate, d_up,
          [=](A gate_before, A up_before, A g, A u, A dy) {
            const two<A> more = gradient(g, u, dy);
            return two<A>{gate_before + more.first, up_before + more.second};
          },
          d_gate, d_up, gate, up, d_out);
    else
      map_two(team, width, d_gate, d_up, gradient, gate, up, d_out);
  }
};

template <class B, class T>
variable<B, T> swiglu(tape<B>& tape, const variable<B, T>& gate_up) {
  const bool tracked = tape.recording() && gate_up.tracked();
  B& backend = tape.backend();
  variable<B, T> y(backend, shape{gate_up.rows(), gate_up.cols() / 2}, tracked);
  backend.rows(y.rows(), 16 * y.cols(), swiglu_program<B, T>{gate_up.value(), y.value()});
  if (tracked)
    tape.record([&backend, gate_up, y] {
      backend.rows(y.rows(), 16 * y.cols(), swiglu_gradient<B, T>{gate_up.value(), y.gradient(), gate_up.sink()});
    });
  return y;
}

}  // namespace CANDOR_NS
