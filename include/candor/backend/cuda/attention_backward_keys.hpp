// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Gradients of keys and values in bfloat16 by tensor cores. With w = exp(scale q k^T - lse), d_w = d_out
/// v^T:
///     d_v = w^T d_out,  d_k = scale * (w (d_w - dot))^T q.
/// One block has key_block rows of one key head, a warp 16 of them, and computes everything transposed:
/// (keys, queries). So weights go from one product into the next without leaving their registers. The queries
/// of all heads that share the key head stream by, backward_query_block rows at a time, and their sum is
/// taken in registers: no atomics, the same result in every run.

#include <candor/backend/cuda/attention_tile.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS::device {

template <int Width>
struct key_gradient_kernel {
  using tile = attention_tile<Width>;
  static constexpr int threads = 2 * key_block;  // 16 rows a warp
  static constexpr int queries = backward_query_block;
  static constexpr std::uint32_t statistics_bytes = 2 * queries * sizeof(float);
  static constexpr std::uint32_t stage_bytes = 2 * tile::bytes(queries) + statistics_bytes;
  static constexpr std::uint32_t held_bytes = 2 * tile::bytes(key_block),
                                 shared_bytes = held_bytes + 2 * stage_bytes;

  head_shape heads;
  attention_plan_view plan;
  attention_tensors<bfloat16> x;
  row_statistics<float> statistics;

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int block = lane.load(plan.of_keys.order + lane.block_index(0)), kv_head = lane.block_index(1);
    const int k0 = block * key_block, warp_row = 16 * lane.warp_index(), column = kv_head * heads.size;
    const int rounds =
        heads.group * (lane.load(plan.of_keys.begin + block + 1) - lane.load(plan.of_keys.begin + block));

    const tile keys{0}, values{tile::bytes(key_block)};
    keys.template copy<key_block, threads>(lane, x.k, column, k0, plan.tokens, heads.size);
    values.template copy<key_block, threads>(lane, x.v, column, k0, plan.tokens, heads.size);
    place next = place_of(lane, 0);
    copy_stage(lane, next, 0);

    float d_k[Width / 8][4] = {}, d_v[Width / 8][4] = {};  // (16, Width)
    for (int i = 0; i < rounds; ++i) {
      lane.template wait_copies<0>();
      lane.sync();  // this stage is there, and nobody reads the other one any more
      const place at = next;
      if (i + 1 < rounds) copy_stage(lane, next = place_of(lane, i + 1), (i + 1) % 2);
      const tile q{held_bytes + i % 2 * stage_bytes}, d_out{q.base + tile::bytes(queries)};

      float w[queries / 8][4] = {};    // (16, queries): scores, then weights
      float d_s[queries / 8][4] = {};  // (16, queries): gradients of weights, then of scores
      CANDOR_UNROLL
      for (int k = 0; k < Width / 16; ++k) {
        std::uint32_t a[4];  // (16, 16)
        keys.load_left(lane, a, warp_row, k);
        q.add_scores(lane, w, a, 0, k);
        values.load_left(lane, a, warp_row, k);
        d_out.add_scores(lane, d_s, a, 0, k);
      }
      to_weights(lane, w, d_s, d_out.base + tile::bytes(queries));
      if (at.in_part) mask(lane, w, d_s, at.q0, k0 + warp_row);
      CANDOR_UNROLL
      for (int k = 0; k < queries / 16; ++k) {
        std::uint32_t a[4];  // (16, 16)
        as_left(lane, a, w[2 * k], w[2 * k + 1]);
        d_out.add_weighted(lane, d_v, a, 16 * k);
        as_left(lane, a, d_s[2 * k], d_s[2 * k + 1]);
        q.add_weighted(lane, d_k, a, 16 * k);
      }
    }
    const float scale = static_cast<float>(heads.scale);
    store_rows<Width>(lane, x.d_k, column, k0 + warp_row, plan.tokens, heads.size, d_k, {scale, scale});
    store_rows<Width>(lane, x.d_v, column, k0 + warp_row, plan.tokens, heads.size, d_v, {1.0f, 1.0f});
  }

 private:
  /// What one round takes in: a block of queries of one head.
  struct place {
    int head, q0;
    bool in_part;
  };
  template <class Lane>
  CANDOR_DEVICE place place_of(const Lane& lane, int round) const {
    const int block = lane.load(plan.of_keys.order + lane.block_index(0)),
              first = lane.load(plan.of_keys.begin + block);
    const int partners = lane.load(plan.of_keys.begin + block + 1) - first;
    const int partner = lane.load(plan.of_keys.partner + first + round % partners);
    return {lane.block_index(1) * heads.group + round / partners, partner / 2 * queries, partner % 2 != 0};
  }

  template <class Lane>
  CANDOR_DEVICE void copy_stage(const Lane& lane, const place& from, int stage) const {
    const tile q{held_bytes + static_cast<shared_at>(stage) * stage_bytes},
        d_out{q.base + tile::bytes(queries)};
    q.template copy<queries, threads>(lane, x.q, from.head * heads.size, from.q0, plan.tokens, heads.size);
    d_out.template copy<queries, threads>(lane, x.d_out, from.head * heads.size, from.q0, plan.tokens,
                                          heads.size);
    constexpr int chunks = queries / 4;  // of 16 bytes, for each of lse and dot
    const int c = lane.thread_index();
    if (c < 2 * chunks)
      lane.copy_async(
          d_out.base + tile::bytes(queries) + static_cast<shared_at>(16 * c),
          (c < chunks ? statistics.lse(from.head) : statistics.dot(from.head)) + from.q0 + c % chunks * 4,
          true);
    lane.commit_copies();
  }

  /// From scores and gradients of weights to weights and gradients of scores.
  template <class Lane>
  CANDOR_DEVICE void to_weights(const Lane& lane, float (&w)[queries / 8][4], float (&d_s)[queries / 8][4],
                                shared_at row_numbers) const {
    const float log2_scale = static_cast<float>(heads.scale) * log2_e;
    CANDOR_UNROLL
    for (int n = 0; n < queries / 8; ++n) {
      CANDOR_UNROLL
      for (int side = 0; side < 2; ++side) {
        const shared_at at =
            row_numbers + static_cast<shared_at>(4 * (8 * n + 2 * (lane.lane_index() % 4) + side));
        const float lse = lane.template read<float>(at), dot = lane.template read<float>(at + 4 * queries);
        CANDOR_UNROLL
        for (int e = side; e < 4; e += 2) {
          w[n][e] = lane.exp2(math::fma(w[n][e], log2_scale, -lse));
          d_s[n][e] = w[n][e] * (d_s[n][e] - dot);
        }
      }
    }
  }

  /// Queries that do not see a key have no weight and give no gradient.
  template <class Lane>
  CANDOR_DEVICE void mask(const Lane& lane, float (&w)[queries / 8][4], float (&d_s)[queries / 8][4], int q0,
                          int first_key) const {
    const int k = first_key + lane.lane_index() / 4;  // and k + 8
    const std::int32_t until[2] = {lane.load(plan.visible_until + k), lane.load(plan.visible_until + k + 8)};
    CANDOR_UNROLL
    for (int n = 0; n < queries / 8; ++n) {
      CANDOR_UNROLL
      for (int e = 0; e < 4; ++e) {
        const int q = q0 + 8 * n + 2 * (lane.lane_index() % 4) + e % 2;
        if (sees(q, lane.load(plan.reach + q), k + 8 * (e / 2), until[e / 2])) continue;
        w[n][e] = 0;
        d_s[n][e] = 0;
      }
    }
  }
};

}  // namespace CANDOR_NS::device
