// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention forward for any type: out = softmax(scale q k^T, visible keys) v, and lse. One block computes 16
/// rows of one head. A lane scores one key of 32 for a row of its warp, then adds its columns of all their
/// values.

#include <candor/backend/cuda/attention_plain.hpp>

namespace CANDOR_NS::device {

/// The running softmax of a warp's rows: largest scores, sums of weights and of weighted values.
template <class A>
struct plain_softmax : plain_tiles {
  plain_row<A> out[rows_of_warp];
  A top[rows_of_warp], sum[rows_of_warp] = {};

  CANDOR_DEVICE plain_softmax() {
    for (A& t : top) t = nothing();
  }

  /// Takes in the streamed keys and values; sees(row of the block) says whether that row sees this lane's
  /// key.
  template <class Lane, class Sees>
  CANDOR_DEVICE void add(const Lane& lane, const plain_tile<A>& q, const plain_tile<A>& k,
                         const plain_tile<A>& v, const warp_numbers<A>& weights, A scale,
                         const Sees& sees_key) {
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int row = lane.warp_index() * rows_of_warp + r;
      const A score = sees_key(row) ? q.dot(lane, row, k, lane.lane_index()) : nothing();
      const A most = warp_max(lane, score);
      if (most == nothing()) continue;
      const A new_top = most > top[r] ? most : top[r];
      const A rescale = math::exp(scale * (top[r] - new_top)), weight = math::exp(scale * (score - new_top));
      top[r] = new_top;
      sum[r] = math::fma(sum[r], rescale, warp_sum(lane, weight));
      for (A& o : out[r].at) o *= rescale;
      weights.write(lane, weight);
      lane.sync_warp();
      for (int j = 0; j < streamed; ++j) out[r].add(lane, weights.read(lane, j), v, j);
      lane.sync_warp();
    }
  }

  CANDOR_DEVICE static A nothing() { return -static_cast<A>(__builtin_inff()); }
};

/// Shared memory of the forward kernels: queries, streamed keys and values, and weights for each warp.
template <class A>
struct plain_forward_tiles : plain_tiles {
  plain_tile<A> q, k, v;
  warp_numbers<A> weights;

  static std::uint32_t bytes(int size) {
    return plain_tile<A>::bytes(rows + 2 * streamed, size) + warps * warp_numbers<A>::bytes;
  }
  CANDOR_DEVICE plain_forward_tiles(int size, int warp)
      : q{0, size},
        k{plain_tile<A>::bytes(rows, size), size},
        v{plain_tile<A>::bytes(rows + streamed, size), size},
        weights{plain_tile<A>::bytes(rows + 2 * streamed, size) +
                static_cast<shared_at>(warp) * warp_numbers<A>::bytes} {}
};

template <class T>
struct plain_forward_kernel : plain_tiles {
  using A = accumulator_t<T>;
  static constexpr int blocks_each = query_block / rows;  ///< blocks of the grid for a block of the plan

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
    const A scale = static_cast<A>(heads.scale);
    const plain_forward_tiles<A> tiles(size, lane.warp_index());
    tiles.q.copy(lane, x.q, head * size, q0, plan.tokens, rows);

    plain_softmax<A> softmax;
    for (int i = lane.load(plan.of_queries.begin + block); i < lane.load(plan.of_queries.begin + block + 1);
         ++i)
      for (int part = 0; part < key_block / streamed; ++part) {
        const int k0 = lane.load(plan.of_queries.partner + i) / 2 * key_block + part * streamed;
        lane.sync();
        tiles.k.copy(lane, x.k, head / heads.group * size, k0, plan.tokens, streamed);
        tiles.v.copy(lane, x.v, head / heads.group * size, k0, plan.tokens, streamed);
        lane.sync();
        const std::int32_t key = k0 + lane.lane_index(), until = lane.load(plan.visible_until + key);
        softmax.add(lane, tiles.q, tiles.k, tiles.v, tiles.weights, scale,
                    [&](int row) { return sees(q0 + row, lane.load(plan.reach + q0 + row), key, until); });
      }
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int row = q0 + lane.warp_index() * rows_of_warp + r;
      if (row >= plan.tokens) continue;
      softmax.out[r].store(lane, x.out.row(row) + head * size, size, A(1) / softmax.sum[r]);
      if (lane.lane_index() == 0)
        lane.store(x.lse.row(head) + row, scale * softmax.top[r] + math::log(softmax.sum[r]));
    }
  }
};

}  // namespace CANDOR_NS::device
