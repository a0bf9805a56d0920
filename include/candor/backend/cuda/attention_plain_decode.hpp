// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention of one new token a branch against a piece of its stem or of its own past, for any type. One
/// block has one task of the plan and one key head, and leaves one part for each of its queries.

#include <candor/backend/cuda/attention_decode_merge.hpp>
#include <candor/backend/cuda/attention_plain_forward.hpp>

namespace CANDOR_NS::device {

template <class T>
struct plain_decode_kernel : plain_tiles {
  using A = accumulator_t<T>;
  static_assert(decode_rows == rows);

  head_shape heads;
  decode_plan_view plan;
  decode_tensors<T> x;
  decode_parts<A> parts;

  plain_decode_kernel(const head_shape& h, const decode_plan_view& p, const decode_tensors<T>& t,
                      const decode_parts<A>& d)
      : heads(h), plan(p), x(t), parts(d) {}

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const decode_task& place = plan.task[lane.block_index(0)];
    const int first_row = lane.load(&place.first_row), count = lane.load(&place.rows),
              part = lane.load(&place.part);
    const int begin = lane.load(&place.key_begin), end = lane.load(&place.key_end),
              kv_head = lane.block_index(1);
    const bool of_stem = lane.load(&place.of_stem) != 0;
    const auto &k = of_stem ? x.stem_k : x.branch_k, &v = of_stem ? x.stem_v : x.branch_v;
    const int size = heads.size;
    const A scale = static_cast<A>(heads.scale);
    const plain_forward_tiles<A> tiles(size, lane.warp_index());
    for (int n = lane.thread_index(); n < rows * size; n += threads) {
      const int r = n / size, c = n % size, row = first_row + r,
                head = kv_head * heads.group + row % heads.group;
      lane.write(tiles.q.at(r, c),
                 r < count ? static_cast<A>(lane.load(x.q.row(row / heads.group) + head * size + c)) : A(0));
    }

    plain_softmax<A> softmax;
    for (int k0 = begin; k0 < end; k0 += streamed) {
      lane.sync();
      tiles.k.copy(lane, k, kv_head * size, k0, end, streamed);
      tiles.v.copy(lane, v, kv_head * size, k0, end, streamed);
      lane.sync();
      softmax.add(lane, tiles.q, tiles.k, tiles.v, tiles.weights, scale,
                  [&](int row) { return row < count && k0 + lane.lane_index() < end; });
    }
    CANDOR_UNROLL
    for (int r = 0; r < rows_of_warp; ++r) {
      const int held = lane.warp_index() * rows_of_warp + r, row = first_row + held;
      if (held >= count) continue;
      const std::int64_t slot = parts.slot(lane.load(plan.part_begin + row / heads.group) + part,
                                           kv_head * heads.group + row % heads.group, heads.count);
      softmax.out[r].store(lane, parts.out + slot * size, size, A(1));
      if (lane.lane_index() == 0) parts.store_statistics(lane, slot, scale * softmax.top[r], softmax.sum[r]);
    }
  }
};

}  // namespace CANDOR_NS::device
