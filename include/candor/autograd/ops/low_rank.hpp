// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A low-rank correction (LoRA; Hu et al., 2021) added to columns of a result: y += s drop(x) A^T B^T.
/// Backward, with z = drop(x) A^T:  d_B += s d_y^T z,  d_z = s d_y B,  d_A += d_z^T drop(x),  d_x +=
/// undrop(d_z A). A and B are kept in the accumulator type and cast to the elements of the model for the
/// products. Shapes: x (T, in), A (r, in), B (out, r), y (T, at least out).

#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>
#include <candor/core/random.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace CANDOR_NS {

/// y = scale * x in another element type.
template <class B, class From, class To>
struct cast_program {
  view<B, const From> x;
  view<B, To> y;
  accumulator_t<To> scale;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const From* in = x.row(row);
    To* out = y.row(row);
    const auto s = scale;
    map_elements(
        team, x.cols, out, [=](accumulator_t<From> v) { return s * static_cast<accumulator_t<To>>(v); }, in);
  }
};

template <class To, class B, class From>
tensor<B, To> cast(B& backend, view<B, const From> x, double scale = 1.0) {
  tensor<B, To> y(backend, shape{x.rows, x.cols});
  backend.rows(x.rows, x.cols, cast_program<B, From, To>{x, y.view(), static_cast<accumulator_t<To>>(scale)});
  return y;
}

/// Which elements of a layer's input are dropped: drawn by (layer, token, step), so a stem that is shared by
/// its branches has one mask, and a step can be run again.
struct dropout_draw {
  double probability = 0.0;
  std::uint64_t seed = 0, layer = 0, step = 0;
};

/// y(row, i) = [y +] (kept ? x(row, i) / (1 - p) : 0)
template <class B, class T>
struct dropout_program {
  view<B, const T> x;
  gradient_sink<B, T> y;
  const std::uint64_t* token_keys;  // (T): a number for each token that does not depend on the packing
  dropout_draw draw;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    using A = accumulator_t<T>;
    const T* in = x.row(row);
    T* out = y.d.row(row);
    const bool add = y.add;
    const auto token = token_keys[row];
    const auto d = draw;
    const std::int64_t columns = x.cols;
    const A keep_scale = static_cast<A>(1.0 / (1.0 - d.probability));
    const float threshold = static_cast<float>(d.probability);
    const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
    const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
    team.each((columns + 3) / 4, [=](std::int64_t block) {
      const uint32x4 words =
          philox({{low(token), high(token), static_cast<std::uint32_t>(block), low(d.step)}},
                 low(d.seed) ^ low(d.layer), high(d.seed) ^ high(d.layer) ^ high(d.step));
      for (std::int64_t j = 0; j < 4 && 4 * block + j < columns; ++j) {
        const std::int64_t i = 4 * block + j;
        const bool kept = unit_float(words[static_cast<int>(j)]) >= threshold;
        const A value = kept ? static_cast<A>(in[i]) * keep_scale : A(0);
        out[i] = static_cast<T>(add ? static_cast<A>(out[i]) + value : value);
      }
    });
  }
};

/// Adds the correction to the columns [first, first + out) of y, which must be fresh: the value of no other
/// operation's input yet. `token_keys` (T) is needed where the dropout is positive.
template <class B, class T>
void add_low_rank(
    tape<B>& tape, const variable<B, T>& y, std::int64_t first, const variable<B, T>& x,
    parameter<B, accumulator_t<T>>& a, parameter<B, accumulator_t<T>>& b, double scale,
    const dropout_draw& draw = {},
    std::type_identity_t<std::shared_ptr<const tensor<B, std::uint64_t>>> token_keys = nullptr) {
  using A = accumulator_t<T>;
  B& backend = tape.backend();
  struct saved {
    tensor<B, T> a, b, dropped, z;  // (r, in), (out, r) times the scale, (T, in) or nothing, (T, r)
  };
  const auto keep = std::make_shared<saved>();
  keep->a = cast<T>(backend, a.value());
  keep->b = cast<T>(backend, b.value(), scale);
  view<B, const T> input = x.value();
  if (draw.probability > 0.0) {
    require<shape_error>(token_keys != nullptr && token_keys->size() == x.rows(),
                         "[add_low_rank] dropout of ", x.extents(), " needs a key for each row, ",
                         token_keys ? token_keys->size() : 0, " are given");
    keep->dropped = tensor<B, T>(backend, x.extents());
    backend.rows(x.rows(), 8 * x.cols(),
                 dropout_program<B, T>{input, {keep->dropped.view(), false}, token_keys->view().data, draw});
    input = keep->dropped.view();
  }
  keep->z = tensor<B, T>(backend, shape{x.rows(), a.extents().rows()});
  backend.template matmul<T, T>(transpose::no, input, transpose::yes, std::as_const(keep->a).view(),
                                keep->z.view());
  const std::int64_t out = b.extents().rows();
  backend.template matmul<T, T>(transpose::no, std::as_const(keep->z).view(), transpose::yes,
                                std::as_const(keep->b).view(), y.value().slice_cols(first, out), true);
  if (!y.tracked()) return;

  tape.record([&backend, y, first, out, x, &a, &b, scale, draw, token_keys, keep] {
    const view<B, const T> d_y = y.gradient().slice_cols(first, out);
    const view<B, const T> z = std::as_const(keep->z).view();
    tensor<B, T> d_z(backend, keep->z.extents());
    backend.template matmul<T, T>(transpose::no, d_y, transpose::no, std::as_const(keep->b).view(),
                                  d_z.view());
    const view<B, const T> d_z_view = std::as_const(d_z).view();
    if (b.trainable()) {
      tensor<B, A> d_b(backend, b.extents());
      backend.template matmul<T, A>(transpose::yes, d_y, transpose::no, z, d_b.view());
      const auto sink = b.sink();
      if (!sink.add) backend.zero(sink.d.data, sizeof(A) * static_cast<std::size_t>(sink.d.size()));
      const auto scaled = cast<A>(backend, std::as_const(d_b).view(), scale);
      backend.rows(sink.d.rows, sink.d.cols, add_rows_program<B, A>{scaled.view(), {sink.d, true}});
    }
    if (a.trainable()) {
      const auto d_a = a.sink();
      const view<B, const T> input =
          keep->dropped ? std::as_const(keep->dropped).view() : view<B, const T>(x.value());
      backend.template matmul<T, A>(transpose::yes, d_z_view, transpose::no, input, d_a.d, d_a.add);
    }
    if (!x.tracked()) return;
    const auto d_x = x.sink();
    if (!keep->dropped) {
      backend.template matmul<T, T>(transpose::no, d_z_view, transpose::no, std::as_const(keep->a).view(),
                                    d_x.d, d_x.add);
      return;
    }
    tensor<B, T> d_dropped(backend, x.extents());
    backend.template matmul<T, T>(transpose::no, d_z_view, transpose::no, std::as_const(keep->a).view(),
                                  d_dropped.view());
    backend.rows(x.rows(), 8 * x.cols(),
                 dropout_program<B, T>{std::as_const(d_dropped).view(), d_x, token_keys->view().data, draw});
  });
}

}  // namespace CANDOR_NS
