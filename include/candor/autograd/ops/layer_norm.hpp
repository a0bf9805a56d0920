// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// LayerNorm (Ba et al., 2016): n = (x - mean) / sqrt(var + eps),  y = w n + b, statistics in fp32.
/// Backward: g = w d_y,  d_x = r (g - mean(g) - n mean(g n)),  d_w = sum d_y n,  d_b = sum d_y.
/// Shapes: x, y (T, C), w, b (C).

#include <candor/autograd/ops/linear.hpp>

#include <cmath>
#include <memory>

namespace CANDOR_NS {

template <class B, class T>
struct layer_norm_program {
  using A = accumulator_t<T>;
  view<B, const T> x, w, b;  // (T, C), (1, C), (1, C)
  view<B, T> y;              // (T, C)
  view<B, A> statistics;     // (T, 2): mean, 1 / standard deviation
  A epsilon;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const T* in = x.row(row);
    const T* weight = w.data;
    const T* bias = b.data;
    T* out = y.row(row);
    const A n = static_cast<A>(x.cols);
    const A mean = sum_elements(team, x.cols, [](A v) { return v; }, in) / n;
    const A variance = sum_elements(team, x.cols, [=](A v) { return (v - mean) * (v - mean); }, in) / n;
    const A r = A(1) / std::sqrt(variance + epsilon);
    statistics(row, 0) = mean;
    statistics(row, 1) = r;
    map_elements(
        team, x.cols, out, [=](A v, A scale, A shift) { return (v - mean) * r * scale + shift; }, in, weight, bias);
  }
};

template <class B, class T>
struct layer_norm_input_gradient {
  using A = accumulator_t<T>;
  view<B, const T> x, w, d_y;
  view<B, const A> statistics;  // (T, 2)
  gradient_sink<B, T> d_x;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const T* in = x.row(row);
    const T* weight = w.data;
    const T* d_out = d_y.row(row);
    T* d = d_x.d.row(row);
    const A mean = statistics(row, 0), r = statistics(row, 1), n = static_cast<A>(x.cols);
    const A g_mean = sum_elements(team, x.cols, [](A scale, A dy) { return scale * dy; }, weight, d_out) / n;
    const A gn_mean =
        sum_elements(team, x.cols, [=](A scale, A dy, A v) { return scale * dy * (v - mean) * r; }, weight, d_out, in) / n;
    const auto gradient = [=](A scale, A dy, A v) {
      const A normal = (v - mean) * r;
      return r * (scale * dy - g_mean - normal * gn_mean);
    };
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
struct layer_norm_weight_gradient {
  using A = accumulator_t<T>;
  static constexpr std::int64_t width = 32;
  view<B, const T> x, d_y;
  view<B, const A> statistics;
  gradient_sink<B, A> d_w;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t block) const {
    const std::int64_t first = block * width;
    const std::int64_t count = x.cols - first < width ? x.cols - first : width;
    const auto in = x, d_out = d_y;
    const auto moments = statistics;
    sum_down(team, count, x.rows, d_w.d.data + first, d_w.add, [=](std::int64_t row, std::int64_t i) {
      const A mean = moments(row, 0), r = moments(row, 1);
      return static_cast<A>(d_out(row, first + i)) * (static_cast<A>(in(row, first + i)) - mean) * r;
    });
  }
};

template <class B, class T>
variable<B, T> layer_norm(tape<B>& tape, const variable<B, T>& x, parameter<B, T>& weight, parameter<B, T>& bias,
                          double epsilon) {
  using A = accumulator_t<T>;
  const bool tracked = tape.recording() && (x.tracked() || weight.trainable() || bias.trainable());
  B& backend = tape.backend();
  variable<B, T> y(backend, x.extents(), tracked);
  const auto statistics = std::make_shared<tensor<B, A>>(backend, shape{x.rows(), 2});
  backend.rows(x.rows(), 3 * x.cols(),
               layer_norm_program<B, T>{x.value(), weight.value(), bias.value(), y.value(), statistics->view(),
                                        static_cast<A>(epsilon)});
  if (tracked)
    tape.record([&backend, x, &weight, &bias, y, statistics] {
      const view<B, const T> d_y = y.gradient();
      if (x.tracked())
        backend.rows(x.rows(), 4 * x.cols(),
                     layer_norm_input_gradient<B, T>{x.value(), weight.value(), d_y, statistics->view(), x.sink()});
      if (weight.trainable()) {
        using program = layer_norm_weight_gradient<B, T>;
        backend.rows((x.cols() + program::width - 1) / program::width, x.rows() * program::width,
                     program{x.value(), d_y, statistics->view(), weight.sink()});
      }
      if (bias.trainable()) add_column_sums<B, T>(backend, d_y, bias.sink());
    });
  return y;
}

}  // namespace CANDOR_NS
