// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// RMSNorm (Zhang and Sennrich, 2019): y = w * x * r,  r = 1 / sqrt(mean(x^2) + eps), statistics in fp32.
/// Backward: d_x = r (w d_y - x r^2 mean(w d_y x)),  d_w = sum over rows of d_y x r.
/// Shapes: x, y (T, C), w (C).

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>

#include <cmath>
#include <memory>

namespace CANDOR_NS {

template <class B, class T>
struct rms_norm_program {
  using A = accumulator_t<T>;
  view<B, const T> x, w;  // (T, C), (1, C)
  view<B, T> y;           // (T, C)
  view<B, A> inverse;     // (1, T)
  A epsilon;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const T* in = x.row(row);
    const T* weight = w.data;
    T* out = y.row(row);
    const A square = sum_elements(team, x.cols, [](A v) { return v * v; }, in);
    const A r = A(1) / std::sqrt(square / static_cast<A>(x.cols) + epsilon);
    inverse.data[row] = r;
    map_elements(team, x.cols, out, [=](A v, A scale) { return scale * (v * r); }, in, weight);
  }
};

template <class B, class T>
struct rms_norm_input_gradient {
  using A = accumulator_t<T>;
  view<B, const T> x, w, d_y;  // (T, C), (1, C), (T, C)
  view<B, const A> inverse;    // (1, T)
  gradient_sink<B, T> d_x;     // (T, C)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const T* in = x.row(row);
    const T* weight = w.data;
    const T* d_out = d_y.row(row);
    T* d = d_x.d.row(row);
    const A r = inverse.data[row];
    const A dot = sum_elements(team, x.cols, [](A scale, A dy, A v) { return scale * dy * v; }, weight, d_out, in);
    const A pull = dot * r * r / static_cast<A>(x.cols);
    const auto gradient = [=](A scale, A dy, A v) { return r * (scale * dy - v * pull); };
    if (d_x.add)
      map_elements(
          team, x.cols, d, [=](A before, A scale, A dy, A v) { return before + gradient(scale, dy, v); }, d, weight,
          d_out, in);
    else
      map_elements(team, x.cols, d, gradient, weight, d_out, in);
  }
};

/// A row of the program is a block of columns, summed over all tokens.
template <class B, class T>
struct rms_norm_weight_gradient {
  using A = accumulator_t<T>;
  static constexpr std::int64_t width = 32;
  view<B, const T> x, d_y;   // (T, C)
  view<B, const A> inverse;  // (1, T)
  gradient_sink<B, A> d_w;   // (1, C)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t block) const {
    const std::int64_t first = block * width;
    const std::int64_t count = x.cols - first < width ? x.cols - first : width;
    const auto in = x, d_out = d_y;
    const A* r = inverse.data;
    sum_down(team, count, x.rows, d_w.d.data + first, d_w.add, [=](std::int64_t row, std::int64_t i) {
      return static_cast<A>(d_out(row, first + i)) * static_cast<A>(in(row, first + i)) * r[row];
    });
  }
};

template <class B, class T>
variable<B, T> rms_norm(tape<B>& tape, const variable<B, T>& x, parameter<B, T>& weight, double epsilon) {
  using A = accumulator_t<T>;
  const bool tracked = tape.recording() && (x.tracked() || weight.trainable());
  B& backend = tape.backend();
  variable<B, T> y(backend, x.extents(), tracked);
  const auto inverse = std::make_shared<tensor<B, A>>(backend, shape{x.rows()});
  backend.rows(x.rows(), 2 * x.cols(),
               rms_norm_program<B, T>{x.value(), weight.value(), y.value(), inverse->view(), static_cast<A>(epsilon)});
  if (tracked)
    tape.record([&backend, x, &weight, y, inverse] {
      const view<B, const T> d_y = y.gradient();
      if (x.tracked())
        backend.rows(x.rows(), 3 * x.cols(),
                     rms_norm_input_gradient<B, T>{x.value(), weight.value(), d_y, inverse->view(), x.sink()});
      if (weight.trainable()) {
        using program = rms_norm_weight_gradient<B, T>;
        backend.rows((x.cols() + program::width - 1) / program::width, x.rows() * program::width,
                     program{x.value(), d_y, inverse->view(), weight.sink()});
      }
    });
  return y;
}

}  // namespace CANDOR_NS
