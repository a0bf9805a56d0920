// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A low-rank correction (LoRA; Hu et al., 2021) added to columns of a result: y += s drop(x) A^T B^T.
/// Backward, with z = drop(x) A^T:  d_B += s d_y^T z,  d_z = s d_y B,  d_A += d_z^T drop(x),  d_x +=
/// undrop(d_z A). A and B are kept in the accumulator type and cast to the elements of the model for the
/// products. Shapes: x (T, in), A (r, in), B (out, r), y (T, at least out).
///
/// Corrections of the same input (q, k and v; gate and up) share the passes over it: their A lie one below the other,
/// (R, in), so that one product each gives all z, all of d_x and every d_A. Taking z into the layer's own product as
/// well, [x, z] [W, s B]^T, would save the passes over y too; bench/README.md says why it is not done.

#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>
#include <candor/core/random.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

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

/// One correction: of the columns [first, first + out) of a result. The parameters must outlive the backward pass.
template <class B, class T>
struct low_rank_part {
  std::int64_t first = 0;
  parameter<B, accumulator_t<T>>* a = nullptr;  // (r, in)
  parameter<B, accumulator_t<T>>* b = nullptr;  // (out, r)
  double scale = 1.0;
};

/// Adds corrections to y, which must be fresh: the value of no other operation's input yet. `draw` drops the same elements
/// of x for all of them; `token_keys` (T) is needed where its probability is positive.
template <class B, class T>
void add_low_rank(
    tape<B>& tape, const variable<B, T>& y, const variable<B, T>& x, const std::vector<low_rank_part<B, T>>& parts,
    const dropout_draw& draw = {},
    std::type_identity_t<std::shared_ptr<const tensor<B, std::uint64_t>>> token_keys = nullptr) {
  using A = accumulator_t<T>;
  B& backend = tape.backend();
  struct saved_part {
    low_rank_part<B, T> p;
    tensor<B, T> b;             // (out, r) times the scale
    std::int64_t at, rank, out;  // rows of A and columns of z where it begins, and how many; columns of y
  };
  struct saved {
    std::vector<saved_part> parts;
    tensor<B, T> a, dropped, z;  // (R, in), (T, in) or nothing, (T, R)
  };
  const auto keep = std::make_shared<saved>();
  std::int64_t ranks = 0;  // R
  for (const auto& p : parts) {
    const std::int64_t rank = p.a->extents().rows();
    keep->parts.push_back({p, cast<T>(backend, p.b->value(), p.scale), ranks, rank, p.b->extents().rows()});
    ranks += rank;
  }
  keep->a = tensor<B, T>(backend, shape{ranks, x.cols()});
  for (const auto& s : keep->parts)
    backend.rows(s.rank, x.cols(), cast_program<B, A, T>{s.p.a->value(), keep->a.view().slice_rows(s.at, s.rank), A(1)});
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
  keep->z = tensor<B, T>(backend, shape{x.rows(), ranks});
  backend.template matmul<T, T>(transpose::no, input, transpose::yes, std::as_const(keep->a).view(),
                                keep->z.view());
  for (const auto& s : keep->parts)
    backend.template matmul<T, T>(transpose::no, std::as_const(keep->z).view().slice_cols(s.at, s.rank), transpose::yes,
                                  s.b.view(), y.value().slice_cols(s.p.first, s.out), true);
  if (!y.tracked()) return;

  tape.record([&backend, y, x, draw, token_keys, keep] {
    const view<B, const T> z = std::as_const(keep->z).view(), all_a = std::as_const(keep->a).view();
    tensor<B, T> d_z(backend, keep->z.extents());
    bool trains_a = false;
    for (const auto& s : keep->parts) {
      const view<B, const T> d_y = view<B, const T>(y.gradient()).slice_cols(s.p.first, s.out);
      backend.template matmul<T, T>(transpose::no, d_y, transpose::no, s.b.view(), d_z.view().slice_cols(s.at, s.rank));
      if (s.p.b->trainable()) {
        tensor<B, A> d_b(backend, s.p.b->extents());
        backend.template matmul<T, A>(transpose::yes, d_y, transpose::no, z.slice_cols(s.at, s.rank), d_b.view());
        const auto scaled = cast<A>(backend, std::as_const(d_b).view(), s.p.scale);
        const auto sink = s.p.b->sink();
        backend.rows(sink.d.rows, sink.d.cols, add_rows_program<B, A>{scaled.view(), sink});
      }
      trains_a = trains_a || s.p.a->trainable();
    }
    const view<B, const T> d_z_view = std::as_const(d_z).view();
    if (trains_a) {
      const view<B, const T> input =
          keep->dropped ? std::as_const(keep->dropped).view() : view<B, const T>(x.value());
      tensor<B, A> d_a(backend, keep->a.extents());
      backend.template matmul<T, A>(transpose::yes, d_z_view, transpose::no, input, d_a.view());
      for (const auto& s : keep->parts)
        if (s.p.a->trainable())
          backend.rows(s.rank, d_a.view().cols,
                       add_rows_program<B, A>{std::as_const(d_a).view().slice_rows(s.at, s.rank), s.p.a->sink()});
    }
    if (!x.tracked()) return;
    const auto d_x = x.sink();
    if (!keep->dropped) {
      backend.template matmul<T, T>(transpose::no, d_z_view, transpose::no, all_a, d_x.d, d_x.add);
      return;
    }
    tensor<B, T> d_dropped(backend, x.extents());
    backend.template matmul<T, T>(transpose::no, d_z_view, transpose::no, all_a, d_dropped.view());
    backend.rows(x.rows(), 8 * x.cols(),
                 dropout_program<B, T>{std::as_const(d_dropped).view(), d_x, token_keys->view().data, draw});
  });
}

}  // namespace CANDOR_NS
