// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Gradients of the queries in bfloat16 by tensor cores: with w = exp(scale q k^T - lse) and d_w = d_out v^T,
///     d_q = scale * (w (d_w - dot)) k.
/// Runs like the forward pass: one block has query_block rows of one head, a warp 16 of them with queries and
/// d_out in registers, and blocks of keys and values stream through two stages of shared memory. A pass of
/// its own, so that nothing is added by atomics and the result is the same in every run.

#include <candor/backend/cuda/attention_tile.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS::device {

template <int Width>
struct query_gradient_kernel {
  using tile = attention_tile<Width>;
  using stages = key_stages<Width>;
  static constexpr int threads = 2 * query_block;  // 16 rows a warp
  static constexpr std::uint32_t shared_bytes = stages::bytes;
  static constexpr int strip = 32;  // keys at a time: the registers of 64 do not fit

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<bfloat16> x;
  row_statistics<float> statistics;

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_queries.order + lane.block_index(0)), head = lane.block_index(1);
    const int first = lane.load(plan.of_queries.begin + block),
              last = lane.load(plan.of_queries.begin + block + 1);
    const int q0 = block * query_block, warp_row = 16 * lane.warp_index(), column = head * heads.size;
    const int row = q0 + warp_row + lane.lane_index() / 4;  // and row + 8
    const int key_column = head / heads.group * heads.size;
    const float log2_scale = static_cast<float>(heads.scale) * log2_e;
    const auto copy_stage = [&](int stage, int partner) {
      stages::template copy<threads>(lane, stage, x.k, x.v, key_column, partner / 2 * key_block, plan.tokens,
                                     heads.size);
    };

    const tile queries = stages::keys(1), d_outs = stages::values(1);  // until the second stage is needed
    queries.template copy<query_block, threads>(lane, x.q, column, q0, plan.tokens, heads.size);
    d_outs.template copy<query_block, threads>(lane, x.d_out, column, q0, plan.tokens, heads.size);
    lane.commit_copies();
    int next = lane.load(plan.of_queries.partner + first);
    copy_stage(0, next);
    lane.template wait_copies<1>();
    lane.sync();
    row_fragments<Width> q, d_out;  // (16, Width)
    queries.load_left(lane, q, warp_row);
    d_outs.load_left(lane, d_out, warp_row);
    const float lse[2] = {lane.load(statistics.lse(head) + row), lane.load(statistics.lse(head) + row + 8)};
    const float dot[2] = {lane.load(statistics.dot(head) + row), lane.load(statistics.dot(head) + row + 8)};
    const std::int32_t reach[2] = {lane.load(plan.reach + row), lane.load(plan.reach + row + 8)};

    float d_q[Width / 8][4] = {};  // (16, Width)
    for (int i = first, stage = 0; i < last; ++i, stage ^= 1) {
      const int partner = next;
      const tile keys = stages::keys(stage), values = stages::values(stage);
      lane.template wait_copies<0>();
      lane.sync();  // this stage is there, and nobody reads the other one any more
      if (i + 1 < last) copy_stage(stage ^ 1, next = lane.load(plan.of_queries.partner + i + 1));
      for (int begin = 0; begin < key_block; begin += strip) {
        float s[strip / 8][4] = {};    // (16, strip): scores, then their gradients
        float d_w[strip / 8][4] = {};  // (16, strip): gradients of weights
        CANDOR_UNROLL
        for (int k = 0; k < Width / 16; ++k) {
          keys.add_scores(lane, s, q.at[k], begin, k);
          values.add_scores(lane, d_w, d_out.at[k], begin, k);
        }
        CANDOR_UNROLL
        for (int n = 0; n < strip / 8; ++n) {
          CANDOR_UNROLL
          for (int e = 0; e < 4; ++e) {
            const float weight = lane.exp2(math::fma(s[n][e], log2_scale, -lse[e / 2]));
            s[n][e] = weight * (d_w[n][e] - dot[e / 2]);
          }
        }
        if (partner % 2 != 0) mask(lane, s, row, reach, partner / 2 * key_block + begin);
        CANDOR_UNROLL
        for (int k = 0; k < strip / 16; ++k) {
          std::uint32_t d_s[4];  // (16, 16)
          as_left(lane, d_s, s[2 * k], s[2 * k + 1]);
          keys.add_weighted(lane, d_q, d_s, begin + 16 * k);
        }
      }
    }
    const float scale = static_cast<float>(heads.scale);
    store_rows<Width>(lane, x.d_q, column, q0 + warp_row, plan.tokens, heads.size, d_q, {scale, scale});
  }

 private:
  /// Keys that are not seen give no gradient.
  template <class Lane>
  CANDOR_DEVICE void mask(const Lane& lane, float (&s)[strip / 8][4], int row, const std::int32_t (&reach)[2],
                          int k0) const {
    CANDOR_UNROLL
    for (int n = 0; n < strip / 8; ++n) {
      CANDOR_UNROLL
      for (int e = 0; e < 4; ++e) {
        const int k = k0 + 8 * n + 2 * (lane.lane_index() % 4) + e % 2;
        if (!sees(row + 8 * (e / 2), reach[e / 2], k, lane.load(plan.visible_until + k))) s[n][e] = 0;
      }
    }
  }
};

}  // namespace CANDOR_NS::device
