// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention backward for any type: with weights w = exp(scale q k^T - lse) and d_w = d_out v^T,
///     d_s = scale w (d_w - dot),  d_q = d_s k,  d_k = d_s^T q,  d_v = w^T d_out.
/// Two kernels, one with queries held and keys streamed, one the other way round.

#include <candor/backend/cuda/attention_plain.hpp>

namespace CANDOR_NS::device {

/// Shared memory of both: two held tiles, two streamed ones, and numbers for each warp.
template <class A>
struct plain_backward_tiles : plain_tiles {
  plain_tile<A> held, held_too, streamed_rows, streamed_rows_too;
  warp_numbers<A> weights, gradients;

  static std::uint32_t bytes(int size) {
    return plain_tile<A>::bytes(2 * rows + 2 * streamed, size) + 2 * warps * warp_numbers<A>::bytes;
  }
  CANDOR_DEVICE plain_backward_tiles(int size, int warp)
      : held{0, size},
        held_too{plain_tile<A>::bytes(rows, size), size},
        streamed_rows{plain_tile<A>::bytes(2 * rows, size), size},
        streamed_rows_too{plain_tile<A>::bytes(2 * rows + streamed, size), size},
        weights{plain_tile<A>::bytes(2 * rows + 2 * streamed, size) +
                2 * static_cast<shared_at>(warp) * warp_numbers<A>::bytes},
        gradients{weights.base + warp_numbers<A>::bytes} {}
};

template <class T>
struct plain_query_gradient_kernel : plain_tiles {
  using A = accumulator_t<T>;
  static constexpr int blocks_each = query_block / rows;  ///< blocks of the grid for a block of the plan

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<T> x;
  row_statistics<A> statistics;

  plain_query_gradient_kernel(const head_shape& h, const attention_plan_view& p,
                              const attention_tensors<T>& t, const row_statistics<A>& s)
      : heads(h), plan(p), x(t), statistics(s) {}

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_queries.order + lane.block_index(0) / blocks_each),
              head = lane.block_index(1);
    const int q0 = block * query_block + lane.block_index(0) % blocks_each * rows, size = heads.size;
    const A scale = static_cast<A>(heads.scale);
    const plain_backward_tiles<A> tiles(size, lane.warp_index());
    const auto &q = tiles.held, &d_out = tiles.held_too, &k = tiles.streamed_rows,
               &v = tiles.streamed_rows_too;
    q.copy(lane, x.q, head * size, q0, plan.tokens, rows);
    d_out.copy(lane, x.d_out, head * size, q0, plan.tokens, rows);

    plain_row<A> d_q[rows_of_warp];
    for (int i = lane.load(plan.of_queries.begin + block); i < lane.load(plan.of_queries.begin + block + 1);
         ++i)
      for (int part = 0; part < key_block / streamed; ++part) {
        const int k0 = lane.load(plan.of_queries.partner + i) / 2 * key_block + part * streamed;
        lane.sync();
        k.copy(lane, x.k, head / heads.group * size, k0, plan.tokens, streamed);
        v.copy(lane, x.v, head / heads.group * size, k0, plan.tokens, streamed);
        lane.sync();
        const std::int32_t key = k0 + lane.lane_index(), until = lane.load(plan.visible_until + key);
        CANDOR_UNROLL
        for (int r = 0; r < rows_of_warp; ++r) {
          const int held = lane.warp_index() * rows_of_warp + r, row = q0 + held;
          A d_s = 0;
          if (sees(row, lane.load(plan.reach + row), key, until)) {
            const A w = math::exp(scale * q.dot(lane, held, k, lane.lane_index()) -
                                  lane.load(statistics.lse(head) + row));
            d_s = scale * w *
                  (d_out.dot(lane, held, v, lane.lane_index()) - lane.load(statistics.dot(head) + row));
          }
          tiles.gradients.write(lane, d_s);
          lane.sync_warp();
          for (int j = 0; j < streamed; ++j) d_q[r].add(lane, tiles.gradients.read(lane, j), k, j);
          lane.sync_warp();
        }
      }
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int row = q0 + lane.warp_index() * rows_of_warp + r;
      if (row < plan.tokens) d_q[r].store(lane, x.d_q.row(row) + head * size, size, A(1));
    }
  }
};

template <class T>
struct plain_key_gradient_kernel : plain_tiles {
  using A = accumulator_t<T>;
  static constexpr int blocks_each = key_block / rows;  ///< blocks of the grid for a block of the plan
  static_assert(backward_query_block == streamed);

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<T> x;
  row_statistics<A> statistics;

  plain_key_gradient_kernel(const head_shape& h, const attention_plan_view& p, const attention_tensors<T>& t,
                            const row_statistics<A>& s)
      : heads(h), plan(p), x(t), statistics(s) {}

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_keys.order + lane.block_index(0) / blocks_each),
              kv_head = lane.block_index(1);
    const int k0 = block * key_block + lane.block_index(0) % blocks_each * rows, size = heads.size;
    const A scale = static_cast<A>(heads.scale);
    const plain_backward_tiles<A> tiles(size, lane.warp_index());
    const auto &k = tiles.held, &v = tiles.held_too, &q = tiles.streamed_rows,
               &d_out = tiles.streamed_rows_too;
    k.copy(lane, x.k, kv_head * size, k0, plan.tokens, rows);
    v.copy(lane, x.v, kv_head * size, k0, plan.tokens, rows);

    plain_row<A> d_k[rows_of_warp], d_v[rows_of_warp];
    for (int head = kv_head * heads.group; head < (kv_head + 1) * heads.group; ++head)
      for (int i = lane.load(plan.of_keys.begin + block); i < lane.load(plan.of_keys.begin + block + 1);
           ++i) {
        const int q0 = lane.load(plan.of_keys.partner + i) / 2 * streamed;
        lane.sync();
        q.copy(lane, x.q, head * size, q0, plan.tokens, streamed);
        d_out.copy(lane, x.d_out, head * size, q0, plan.tokens, streamed);
        lane.sync();
        const std::int32_t query = q0 + lane.lane_index(), reach = lane.load(plan.reach + query);
        const A lse = lane.load(statistics.lse(head) + query), dot = lane.load(statistics.dot(head) + query);
        CANDOR_UNROLL
        for (int r = 0; r < rows_of_warp; ++r) {
          const int held = lane.warp_index() * rows_of_warp + r, key = k0 + held;
          A w = 0, d_s = 0;
          if (sees(query, reach, key, lane.load(plan.visible_until + key))) {
            w = math::exp(scale * k.dot(lane, held, q, lane.lane_index()) - lse);
            d_s = scale * w * (v.dot(lane, held, d_out, lane.lane_index()) - dot);
          }
          tiles.weights.write(lane, w);
          tiles.gradients.write(lane, d_s);
          lane.sync_warp();
          for (int j = 0; j < streamed; ++j) {
            d_v[r].add(lane, tiles.weights.read(lane, j), d_out, j);
            d_k[r].add(lane, tiles.gradients.read(lane, j), q, j);
          }
          lane.sync_warp();
        }
      }
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int row = k0 + lane.warp_index() * rows_of_warp + r;
      if (row >= plan.tokens) continue;
      d_k[r].store(lane, x.d_k.row(row) + kv_head * size, size, A(1));
      d_v[r].store(lane, x.d_v.row(row) + kv_head * size, size, A(1));
    }
  }
};

}  // namespace CANDOR_NS::device
