// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// y = x W^T + b (+ residual).  Backward: d_x += d_y W,  d_W += d_y^T x,  d_b += column sums of d_y.
/// Shapes: x (T, in), W (out, in), b (out), residual and y (T, out).
///
/// Where the library starts from another matrix, the residual costs one reading: no pass copies it to y, and backward it
/// takes over y's gradient. With the norm that follows, 4 times T x out elements move forward and 4 backward; a row program
/// of residual and norm would move 5 (the product's result is written and read again) and 5 (two gradients are written).

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>

#include <type_traits>

namespace CANDOR_NS {

/// y(row, :) = bias [+ residual(row, :)]
template <class B, class T>
struct start_rows_program {
  view<B, T> y;                // (T, out)
  view<B, const T> residual;   // (T, out) or no data
  view<B, const T> bias;       // (1, out)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    T* out = y.row(row);
    const T* b = bias.data;
    if (residual.data != nullptr)
      map_elements(team, y.cols, out, [](A x, A shift) { return x + shift; }, residual.row(row), b);
    else
      map_elements(team, y.cols, out, [](A shift) { return shift; }, b);
  }
};

/// d(block of columns) = [d +] sums over the rows of x. A row of the program is a block of `width` columns.
template <class B, class T>
struct column_sum_program {
  static constexpr std::int64_t width = 32;
  view<B, const T> x;                  // (T, C)
  gradient_sink<B, accumulator_t<T>> out;  // (1, C)

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t block) const {
    using A = accumulator_t<T>;
    const std::int64_t first = block * width;
    const std::int64_t count = x.cols - first < width ? x.cols - first : width;
    const auto source = x;
    sum_down(team, count, x.rows, out.d.data + first, out.add,
             [=](std::int64_t row, std::int64_t i) { return static_cast<A>(source(row, first + i)); });
  }
};

template <class B, class T>
void add_column_sums(B& backend, view<B, const T> x, const gradient_sink<B, accumulator_t<T>>& out) {
  using program = column_sum_program<B, T>;
  backend.rows((x.cols + program::width - 1) / program::width, x.rows * program::width, program{x, out});
}

/// d(row, :) = [d +] x(row, :)
template <class B, class T>
struct add_rows_program {
  view<B, const T> x;
  gradient_sink<B, T> out;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    T* d = out.d.row(row);
    const T* source = x.row(row);
    if (out.add)
      map_elements(team, x.cols, d, [](A before, A v) { return before + v; }, d, source);
    else
      map_elements(team, x.cols, d, [](A v) { return v; }, source);
  }
};

/// y = residual + x W^T. A backend may have this product as one call.
template <class B, class T>
void multiply_onto(B& backend, view<B, const T> residual, view<B, const T> x, view<B, const T> weight, view<B, T> y) {
  if constexpr (requires { backend.matmul_onto(residual, transpose::no, x, transpose::yes, weight, y); }) {
    backend.matmul_onto(residual, transpose::no, x, transpose::yes, weight, y);
  } else {
    backend.rows(y.rows, y.cols, add_rows_program<B, T>{residual, {y, false}});
    backend.template matmul<T, T>(transpose::no, x, transpose::yes, weight, y, true);
  }
}

/// The gradient of a sum y is that of its addend, which takes it over or adds it to its own. Only for the operation that
/// made y, when it needs the gradient no more.
template <class B, class T>
void pass_gradient(B& backend, const variable<B, T>& y, const variable<B, T>& addend) {
  const view<B, const T> d_y = y.gradient();
  if (addend.has_gradient())
    backend.rows(d_y.rows, d_y.cols, add_rows_program<B, T>{d_y, addend.sink()});
  else
    y.hand_gradient_to(addend);
}

/// `adapted` says that a trainable correction will be added to y, so that its gradient is wanted in any case.
template <class B, class T>
variable<B, T> linear(tape<B>& tape, const variable<B, T>& x, parameter<B, T>& weight,
                      std::type_identity_t<parameter<B, T>>* bias = nullptr,
                      const std::type_identity_t<variable<B, T>>& residual = {}, bool adapted = false) {
  const bool tracked = tape.recording() && (x.tracked() || residual.tracked() || weight.trainable() || adapted ||
                                            (bias != nullptr && bias->trainable()));
  variable<B, T> y(tape.backend(), shape{x.rows(), weight.extents().rows()}, tracked);
  B& backend = tape.backend();
  if (residual)
    require<shape_error>(residual.extents() == y.extents(), "[linear] the residual is ", residual.extents(), ", y is ",
                         y.extents());
  if (bias != nullptr)
    backend.rows(y.rows(), y.cols(),
                 start_rows_program<B, T>{y.value(), residual ? residual.value() : view<B, T>{}, bias->value()});
  if (residual && bias == nullptr)
    multiply_onto<B, T>(backend, residual.value(), x.value(), weight.value(), y.value());
  else
    backend.template matmul<T, T>(transpose::no, x.value(), transpose::yes, weight.value(), y.value(), bias != nullptr);

  if (tracked)
    tape.record([&backend, x, &weight, bias, residual, y] {
      const view<B, const T> d_y = y.gradient();
      if (x.tracked()) {
        const auto d_x = x.sink();
        backend.template matmul<T, T>(transpose::no, d_y, transpose::no, weight.value(), d_x.d, d_x.add);
      }
      if (weight.trainable()) {
        const auto d_w = weight.sink();
        backend.template matmul<T, accumulator_t<T>>(transpose::yes, d_y, transpose::no, x.value(), d_w.d, d_w.add);
      }
      if (bias != nullptr && bias->trainable()) add_column_sums<B, T>(backend, d_y, bias->sink());
      if (residual.tracked()) pass_gradient(backend, y, residual);
    });
  return y;
}

}  // namespace CANDOR_NS
