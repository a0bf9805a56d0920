// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Self-attention on fused projections: rotary positions (optional), then softmax(scale q k^T) v over the layout.
/// Rotary embedding (Su et al., 2021), half-rotation form: with frequencies f_i and angle a = position f_i,
///   (x_i, x_{i+D/2}) -> (x_i cos a - x_{i+D/2} sin a,  x_{i+D/2} cos a + x_i sin a).
/// The queries and keys are rotated where they lie, since nobody needs them unrotated; the backward pass rotates
/// their gradients back. Shapes: qkv (T, (H + 2K) D), y (T, H D), rotation table (T, D): cosines, then sines.

#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>
#include <candor/backend/elements.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Frequencies of rotary positions. With several axes (the Qwen-VL families) each frequency follows one axis.
struct rotary_config {
  double theta = 10000.0;
  std::int64_t head_size = 0;
  std::vector<std::int32_t> axis_of_frequency;  ///< (D/2), empty: all follow the first axis
};

/// Cosines and sines of T tokens, computed in double. `positions` holds the axes one after the other, (axes, T);
/// frequencies of an axis that is not given follow the last one, as a text's tokens stand alike on all axes.
template <class B, class A>
tensor<B, A> rotation_table(B& backend, const rotary_config& config, const std::vector<std::int32_t>& positions,
                            std::int64_t tokens) {
  const std::int64_t half = config.head_size / 2, given = static_cast<std::int64_t>(positions.size());
  const std::int64_t axes = tokens > 0 ? given / tokens : 0;
  require<shape_error>(given == axes * tokens && (axes > 0 || tokens == 0), "[rotation_table] ", given,
                       " positions do not fit ", tokens, " tokens; expected one for each token and axis");
  std::vector<A> table(static_cast<std::size_t>(tokens * config.head_size));
  std::vector<double> frequency(static_cast<std::size_t>(half));
  for (std::int64_t i = 0; i < half; ++i)
    frequency[static_cast<std::size_t>(i)] =
        std::pow(config.theta, -2.0 * static_cast<double>(i) / static_cast<double>(config.head_size));
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t i = 0; i < half; ++i) {
      const std::int64_t wanted =
          config.axis_of_frequency.empty() ? 0 : config.axis_of_frequency[static_cast<std::size_t>(i)];
      const std::int64_t axis = std::min(wanted, axes - 1);
      const double angle =
          static_cast<double>(positions[static_cast<std::size_t>(axis * tokens + t)]) * frequency[static_cast<std::size_t>(i)];
      table[static_cast<std::size_t>(t * config.head_size + i)] = static_cast<A>(std::cos(angle));
      table[static_cast<std::size_t>(t * config.head_size + half + i)] = static_cast<A>(std::sin(angle));
    }
  return tensor<B, A>::from(backend, shape{tokens, config.head_size}, table);
}

/// Turns the first `heads` heads of a token by the table, or back where `sign` is -1.
template <class B, class T>
struct rotate_program {
  using A = accumulator_t<T>;
  view<B, T> x;             // (T, at least heads * D)
  view<B, const A> table;   // (T, D)
  std::int64_t heads;
  A sign;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t token) const {
    const std::int64_t d = table.cols, half = d / 2;
    const A* cosine = table.row(token);
    T* first = x.row(token);
    const A direction = sign;
    map_two_of_runs(
        team, heads, d, half, first, first + half,
        [=](A a, A b, A c, A s) {
          return two<A>{a * c - b * (direction * s), b * c + a * (direction * s)};
        },
        cosine, cosine + half);
  }
};

/// Turns the first `heads` heads of all tokens. Shapes: x (T, at least heads * D), table (T, D).
template <class B, class T>
void rotate_heads(B& backend, view<B, T> x, view<B, const accumulator_t<T>> table, std::int64_t heads, int sign) {
  backend.rows(x.rows, 4 * heads * table.cols,
               rotate_program<B, T>{x, table, heads, static_cast<accumulator_t<T>>(sign)});
}

/// `layout` must outlive the backward pass; `rotation` may be null (the vision tower has no rotary positions).
template <class B, class T>
variable<B, T> self_attention(tape<B>& tape, const variable<B, T>& qkv, const attention_heads& heads,
                              std::shared_ptr<const attention_layout> layout,
                              std::type_identity_t<std::shared_ptr<const tensor<B, accumulator_t<T>>>> rotation = nullptr) {
  using A = accumulator_t<T>;
  const bool tracked = tape.recording() && qkv.tracked();
  B& backend = tape.backend();
  const std::int64_t q_width = heads.count * heads.size, kv_width = heads.kv_count * heads.size;
  require<shape_error>(qkv.cols() == q_width + 2 * kv_width, "[self_attention] qkv ", qkv.extents(), " does not hold ",
                       heads.count, " query and 2 x ", heads.kv_count, " key and value heads of ", heads.size);
  const auto split = [=](view<B, T> m) {
    struct parts {
      view<B, T> q, k, v;
    };
    return parts{m.slice_cols(0, q_width), m.slice_cols(q_width, kv_width), m.slice_cols(q_width + kv_width, kv_width)};
  };
  if (rotation)
    rotate_heads<B, T>(backend, qkv.value(), rotation->view(), heads.count + heads.kv_count, 1);
  variable<B, T> y(backend, shape{qkv.rows(), q_width}, tracked);
  const auto lse = std::make_shared<tensor<B, A>>(backend, shape{heads.count, qkv.rows()});
  const auto in = split(qkv.value());
  backend.template attention_forward<T>(heads, *layout, in.q, in.k, in.v, y.value(), lse->view());
  if (tracked)
    tape.record([&backend, qkv, heads, layout = std::move(layout), rotation, y, lse, split, q_width, kv_width] {
      require<shape_error>(!qkv.has_gradient(), "[self_attention] the projections must feed attention alone");
      const auto d = split(qkv.sink().d);
      const auto in = split(qkv.value());
      backend.template attention_backward<T>(heads, *layout, in.q, in.k, in.v, y.value(),
                                             std::as_const(*lse).view(), y.gradient(), d.q, d.k, d.v);
      if (rotation)
        rotate_heads<B, T>(backend, qkv.gradient(), rotation->view(), heads.count + heads.kv_count, -1);
    });
  return y;
}

}  // namespace CANDOR_NS
