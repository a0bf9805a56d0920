// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention of one new token a branch against a piece of its stem or of its own past, in bfloat16 by tensor
/// cores. One block has one task of the plan and one key head: up to 16 queries, of which each warp sees
/// every fourth 16 keys; the warps' sums are merged in shared memory and leave as one part.

#include <candor/backend/cuda/attention_decode_merge.hpp>
#include <candor/backend/cuda/attention_forward.hpp>

namespace CANDOR_NS::device {

template <int Width>
struct decode_kernel {
  using tile = attention_tile<Width>;
  using stages = key_stages<Width>;
  static constexpr int warps = key_block / 16, threads = warps * warp_size;  // 16 keys a warp
  static constexpr int pitch = Width + 8;  ///< of sums in shared memory: rows of 8 lanes meet different banks
  static constexpr std::uint32_t sums_bytes = warps * decode_rows * pitch * sizeof(float);
  static constexpr std::uint32_t shared_bytes = stages::bytes + tile::bytes(decode_rows);
  static_assert(sums_bytes + 2 * warps * decode_rows * sizeof(float) <= shared_bytes);

  head_shape heads;
  decode_plan_view plan;
  decode_tensors<bfloat16> x;
  decode_parts<float> parts;

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const decode_task& place = plan.task[lane.block_index(0)];
    const int first_row = lane.load(&place.first_row), rows = lane.load(&place.rows);
    const int begin = lane.load(&place.key_begin), end = lane.load(&place.key_end),
              kv_head = lane.block_index(1);
    const bool of_stem = lane.load(&place.of_stem) != 0;
    const auto &k = of_stem ? x.stem_k : x.branch_k, &v = of_stem ? x.stem_v : x.branch_v;
    const auto copy_stage = [&](int stage, int k0) {
      stages::template copy<threads>(lane, stage, k, v, kv_head * heads.size, k0, end, heads.size);
    };

    const tile queries{stages::bytes};
    copy_queries(lane, queries, first_row, rows, kv_head);
    copy_stage(0, begin);
    lane.template wait_copies<1>();
    lane.sync();
    row_fragments<Width> q;  // (16, Width)
    queries.load_left(lane, q, 0);

    running_softmax<Width> sums;
    const int warp_key = 16 * lane.warp_index();
    for (int k0 = begin, stage = 0; k0 < end; k0 += key_block, stage ^= 1) {
      lane.template wait_copies<0>();
      lane.sync();  // this stage is there, and nobody reads the other one any more
      if (k0 + key_block < end) copy_stage(stage ^ 1, k0 + key_block);
      float s[2][4] = {};  // (16, 16): scores, then weights
      CANDOR_UNROLL
      for (int c = 0; c < Width / 16; ++c) stages::keys(stage).add_scores(lane, s, q.at[c], warp_key, c);
      CANDOR_UNROLL
      for (int n = 0; n < 2; ++n) {
        CANDOR_UNROLL
        for (int e = 0; e < 4; ++e)
          if (k0 + warp_key + 8 * n + 2 * (lane.lane_index() % 4) + e % 2 >= end)
            s[n][e] = running_softmax<Width>::nothing;
      }
      sums.add_scores(lane, s, static_cast<float>(heads.scale) * log2_e);
      std::uint32_t weights[4];  // (16, 16)
      as_left(lane, weights, s[0], s[1]);
      stages::values(stage).add_weighted(lane, sums.out, weights, warp_key);
    }
    lane.sync();  // the stages make room for the warps' sums
    leave_sums(lane, sums);
    lane.sync();
    store_part(lane, first_row, rows, lane.load(&place.part), kv_head);
  }

 private:
  template <class Lane>
  CANDOR_DEVICE void copy_queries(const Lane& lane, const tile& queries, int first_row, int rows,
                                  int kv_head) const {
    for (int n = lane.thread_index(); n < decode_rows * tile::chunks; n += threads) {
      const int r = n / tile::chunks, c = n % tile::chunks, row = first_row + r;
      const bool present = r < rows && 8 * c < heads.size;
      const bfloat16* from = x.q.data;
      if (present)
        from = x.q.row(row / heads.group) + (kv_head * heads.group + row % heads.group) * heads.size + 8 * c;
      lane.copy_async(queries.chunk(r, c), from, present);
    }
    lane.commit_copies();
  }

  CANDOR_DEVICE static shared_at sum_at(int warp, int row, int column) {
    return static_cast<shared_at>(((warp * decode_rows + row) * pitch + column) *
                                  static_cast<int>(sizeof(float)));
  }
  /// The largest score and the sum of weights of a warp's row.
  CANDOR_DEVICE static shared_at statistics_at(int warp, int row) {
    return sums_bytes +
           static_cast<shared_at>((warp * decode_rows + row) * 2 * static_cast<int>(sizeof(float)));
  }

  template <class Lane>
  CANDOR_DEVICE void leave_sums(const Lane& lane, const running_softmax<Width>& sums) const {
    const int g = lane.lane_index() / 4, t = lane.lane_index() % 4, warp = lane.warp_index();
    CANDOR_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float sum = row_sum(lane, sums.sum[half]);
      if (t == 0) lane.write(statistics_at(warp, g + 8 * half), two_floats{sums.top[half], sum});
      CANDOR_UNROLL
      for (int n = 0; n < Width / 8; ++n)
        lane.write(sum_at(warp, g + 8 * half, 8 * n + 2 * t),
                   two_floats{sums.out[n][2 * half], sums.out[n][2 * half + 1]});
    }
  }

  /// Merges the warps' sums, a row by a warp at a time.
  template <class Lane>
  CANDOR_DEVICE void store_part(const Lane& lane, int first_row, int rows, int part, int kv_head) const {
    const float scale = static_cast<float>(heads.scale);
    for (int r = lane.warp_index(); r < rows; r += warps) {
      float top = running_softmax<Width>::nothing, sum = 0, factor[warps];
      two_floats each[warps];
      CANDOR_UNROLL
      for (int w = 0; w < warps; ++w) {
        each[w] = lane.template read<two_floats>(statistics_at(w, r));
        top = fmaxf(top, each[w].first);
      }
      CANDOR_UNROLL
      for (int w = 0; w < warps; ++w) {
        factor[w] = lane.exp2(scale * log2_e * (each[w].first - top));
        sum = math::fma(factor[w], each[w].second, sum);
      }
      const int row = first_row + r, head = kv_head * heads.group + row % heads.group;
      const std::int64_t slot =
          parts.slot(lane.load(plan.part_begin + row / heads.group) + part, head, heads.count);
      for (int c = lane.lane_index(); c < heads.size; c += warp_size) {
        float value = 0;
        CANDOR_UNROLL
        for (int w = 0; w < warps; ++w)
          value = math::fma(factor[w], lane.template read<float>(sum_at(w, r, c)), value);
        lane.store(parts.out + slot * heads.size + c, value);
      }
      if (lane.lane_index() == 0) parts.store_statistics(lane, slot, scale * top, sum);
    }
  }
};

}  // namespace CANDOR_NS::device
