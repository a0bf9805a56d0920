// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention forward in bfloat16 by tensor cores: out = softmax(scale q k^T, visible keys) v, and lse. One
/// block computes query_block rows of one head, a warp 16 of them; their queries and sums stay in registers
/// while blocks of keys and values stream through two stages of shared memory, the next one arriving while
/// this one is used. The softmax runs along: (top, sum, out) are rescaled whenever a larger score comes
/// (Milakov and Gimelshein 2018, as in FlashAttention-2).

#include <candor/backend/cuda/attention_tile.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS::device {

/// Largest score, sum of weights, and sum of weighted values of a warp's 16 rows; a lane holds parts of two
/// rows.
template <int Width>
struct running_softmax {
  static constexpr float nothing = -__builtin_inff();
  float top[2] = {nothing, nothing};  // of the whole row
  float sum[2] = {};                  // of this lane's columns
  float out[Width / 8][4] = {};       // (16, Width)

  /// From scores (16, 8 N) to weights exp(scale (score - top)), in place; `log2_scale` is scale log2(e).
  template <int N, class Lane>
  CANDOR_DEVICE void add_scores(const Lane& lane, float (&s)[N][4], float log2_scale) {
    CANDOR_UNROLL
    for (int half = 0; half < 2; ++half) {
      float most = top[half];
      CANDOR_UNROLL
      for (int n = 0; n < N; ++n) most = fmaxf(most, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
      most = row_max(lane, most);
      // A row that has seen nothing yet keeps weights of zero: any finite number in place of the top will do.
      const float shift = most == nothing ? 0.0f : most * log2_scale;
      const float rescale = lane.exp2(math::fma(top[half], log2_scale, -shift));
      top[half] = most;
      sum[half] *= rescale;
      CANDOR_UNROLL
      for (int n = 0; n < Width / 8; ++n) {
        out[n][2 * half] *= rescale;
        out[n][2 * half + 1] *= rescale;
      }
      CANDOR_UNROLL
      for (int n = 0; n < N; ++n) {
        CANDOR_UNROLL
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          s[n][i] = lane.exp2(math::fma(s[n][i], log2_scale, -shift));
          sum[half] += s[n][i];
        }
      }
    }
  }
};

template <int Width>
struct attention_forward_kernel {
  using tile = attention_tile<Width>;
  using stages = key_stages<Width>;
  static constexpr int threads = 2 * query_block;  // 16 rows a warp
  static constexpr std::uint32_t shared_bytes = stages::bytes;

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<bfloat16> x;

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_queries.order + lane.block_index(0)), head = lane.block_index(1);
    const int first = lane.load(plan.of_queries.begin + block),
              last = lane.load(plan.of_queries.begin + block + 1);
    const int q0 = block * query_block, warp_row = 16 * lane.warp_index();
    const int key_column = head / heads.group * heads.size;
    const float log2_scale = static_cast<float>(heads.scale) * log2_e;
    const auto copy_stage = [&](int stage, int partner) {
      stages::template copy<threads>(lane, stage, x.k, x.v, key_column, partner / 2 * key_block, plan.tokens,
                                     heads.size);
    };

    const tile queries = stages::keys(1);  // their place until the second stage is needed
    queries.template copy<query_block, threads>(lane, x.q, head * heads.size, q0, plan.tokens, heads.size);
    lane.commit_copies();
    int next = lane.load(plan.of_queries.partner + first);
    copy_stage(0, next);
    lane.template wait_copies<1>();
    lane.sync();
    row_fragments<Width> q;  // (16, Width)
    queries.load_left(lane, q, warp_row);

    running_softmax<Width> rows;
    for (int i = first, stage = 0; i < last; ++i, stage ^= 1) {
      const int partner = next;
      lane.template wait_copies<0>();
      lane.sync();  // this stage is there, and nobody reads the other one any more
      if (i + 1 < last) copy_stage(stage ^ 1, next = lane.load(plan.of_queries.partner + i + 1));

      float s[key_block / 8][4] = {};  // (16, key_block): scores, then weights
      CANDOR_UNROLL
      for (int k = 0; k < Width / 16; ++k) stages::keys(stage).add_scores(lane, s, q.at[k], 0, k);
      if (partner % 2 != 0) mask(lane, s, q0 + warp_row, partner / 2 * key_block);
      rows.add_scores(lane, s, log2_scale);
      CANDOR_UNROLL
      for (int k = 0; k < key_block / 16; ++k) {
        std::uint32_t weights[4];  // (16, 16)
        as_left(lane, weights, s[2 * k], s[2 * k + 1]);
        stages::values(stage).add_weighted(lane, rows.out, weights, 16 * k);
      }
    }
    store(lane, rows, q0 + warp_row, head);
  }

 private:
  /// Scores of keys that are not seen become minus infinity.
  template <class Lane>
  CANDOR_DEVICE void mask(const Lane& lane, float (&s)[key_block / 8][4], int q0, int k0) const {
    const int g = lane.lane_index() / 4, t = lane.lane_index() % 4;
    const std::int32_t reach[2] = {lane.load(plan.reach + q0 + g), lane.load(plan.reach + q0 + g + 8)};
    CANDOR_UNROLL
    for (int n = 0; n < key_block / 8; ++n) {
      CANDOR_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int k = k0 + 8 * n + 2 * t + i % 2;
        if (!sees(q0 + g + 8 * (i / 2), reach[i / 2], k, lane.load(plan.visible_until + k)))
          s[n][i] = running_softmax<Width>::nothing;
      }
    }
  }

  template <class Lane>
  CANDOR_DEVICE void store(const Lane& lane, running_softmax<Width>& rows, int first, int head) const {
    float inverse[2];
    CANDOR_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float sum = row_sum(lane, rows.sum[half]);
      inverse[half] = 1.0f / sum;
      const int row = first + lane.lane_index() / 4 + 8 * half;
      if (lane.lane_index() % 4 == 0 && row < plan.tokens)
        lane.store(x.lse.row(head) + row, static_cast<float>(heads.scale) * rows.top[half] + math::log(sum));
    }
    store_rows<Width>(lane, x.out, head * heads.size, first, plan.tokens, heads.size, rows.out, inverse);
  }
};

}  // namespace CANDOR_NS::device
