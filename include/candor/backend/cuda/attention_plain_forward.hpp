// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention forward for any type: out = softmax(scale q k^T, visible keys) v, and lse. One block computes 16
/// rows of one head. A lane scores one key of 32 for a row of its warp, then adds its columns of all their
/// values.

#include <candor/backend/cuda/attention_plain.hpp>

namespace CANDOR_NS::device {

template <class T>
struct plain_forward_kernel : plain_tiles {
  using A = accumulator_t<T>;
  static constexpr int blocks_each = query_block / rows;  ///< blocks of the grid for a block of the plan
  static std::uint32_t shared_bytes(int size) {
    return plain_tile<A>::bytes(rows + 2 * streamed, size) + warps * warp_numbers<A>::bytes;
  }

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<T> x;

  plain_forward_kernel(const head_shape& h, const attention_plan_view& p, const attention_tensors<T>& t)
      : heads(h), plan(p), x(t) {}

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_queries.order + lane.block_index(0) / blocks_each),
              head = lane.block_index(1);
    const int q0 = block * query_block + lane.block_index(0) % blocks_each * rows, size = heads.size;
    const A scale = static_cast<A>(heads.scale), nothing = -static_cast<A>(__builtin_inff());
    const plain_tile<A> q{0, size}, k{q.base + plain_tile<A>::bytes(rows, size), size},
        v{k.base + plain_tile<A>::bytes(streamed, size), size};
    const warp_numbers<A> weights{v.base + plain_tile<A>::bytes(streamed, size) +
                                  static_cast<shared_at>(lane.warp_index()) * warp_numbers<A>::bytes};
    q.copy(lane, x.q, head * size, q0, plan.tokens, rows);

    plain_row<A> out[rows_of_warp];
    A top[rows_of_warp], sum[rows_of_warp] = {};
    for (A& t : top) t = nothing;
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
          const int row = lane.warp_index() * rows_of_warp + r;
          const bool seen = sees(q0 + row, lane.load(plan.reach + q0 + row), key, until);
          const A score = seen ? q.dot(lane, row, k, lane.lane_index()) : nothing;
          const A most = warp_max(lane, score);
          if (most == nothing) continue;
          const A new_top = most > top[r] ? most : top[r];
          const A rescale = math::exp(scale * (top[r] - new_top)),
                  weight = math::exp(scale * (score - new_top));
          top[r] = new_top;
          sum[r] = math::fma(sum[r], rescale, warp_sum(lane, weight));
          for (A& o : out[r].at) o *= rescale;
          weights.write(lane, weight);
          lane.sync_warp();
          for (int j = 0; j < streamed; ++j) out[r].add(lane, weights.read(lane, j), v, j);
          lane.sync_warp();
        }
      }
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int row = q0 + lane.warp_index() * rows_of_warp + r;
      if (row >= plan.tokens) continue;
      out[r].store(lane, x.out.row(row) + head * size, size, A(1) / sum[r]);
      if (lane.lane_index() == 0) lane.store(x.lse.row(head) + row, scale * top[r] + math::log(sum[r]));
    }
  }
};

}  // namespace CANDOR_NS::device
