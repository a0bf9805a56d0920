// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What decoding kernels are given, the parts that they leave, and the kernel that merges the parts of each
/// query: with parts i of sums o_i, weights' sums s_i and largest scores t_i (times scale),
///     out = sum_i exp(t_i - t) o_i / sum_i exp(t_i - t) s_i,  t = max t_i.

#include <candor/backend/cuda/attention_call.hpp>
#include <candor/backend/cuda/attention_decode_plan.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS::device {

template <class T>
struct decode_tensors {
  strided_rows<const T> q;                   ///< (branches, H D)
  strided_rows<const T> stem_k, stem_v;      ///< (rows of the stems' cache, K D)
  strided_rows<const T> branch_k, branch_v;  ///< (branches * capacity, K D)
  strided_rows<T> out;                       ///< (branches, H D)
};

struct alignas(8) two_floats {
  float first, second;
};

/// Memory for the parts of all queries: for part p of query head h the slot p * heads + h.
template <class A>
struct decode_parts {
  A* out = nullptr;         ///< (slots, size): sums of weighted values
  A* statistics = nullptr;  ///< (slots, 2): scale times the largest score, the sum of weights

  CANDOR_DEVICE static std::int64_t slot(int part, int head, int heads) {
    return std::int64_t{part} * heads + head;
  }
  template <class Lane>
  CANDOR_DEVICE void store_statistics(const Lane& lane, std::int64_t slot, A top, A sum) const {
    lane.store(statistics + 2 * slot, top);
    lane.store(statistics + 2 * slot + 1, sum);
  }
};

/// Elements of the workspace of a decoding step.
inline std::int64_t decode_workspace(const attention_heads& heads, const decode_plan_view& plan) {
  return std::int64_t{plan.parts} * heads.count * (heads.size + 2);
}

/// A warp has one head of one branch.
template <class T>
struct decode_merge_kernel {
  using A = accumulator_t<T>;
  static constexpr int threads = 128;

  head_shape heads;
  decode_plan_view plan;
  strided_rows<T> out;
  decode_parts<A> parts;

  /// Blocks of the grid.
  int blocks() const {
    return (plan.branches * heads.count + threads / warp_size - 1) / (threads / warp_size);
  }

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int n = lane.block_index(0) * (threads / warp_size) + lane.warp_index(), branch = n / heads.count,
              head = n % heads.count;
    if (branch >= plan.branches) return;
    const int first = lane.load(plan.part_begin + branch), last = lane.load(plan.part_begin + branch + 1);
    const auto statistics = [&](int part) {
      return parts.statistics + 2 * parts.slot(part, head, heads.count);
    };
    A top = -static_cast<A>(__builtin_inff()), sum = 0;
    for (int p = first; p < last; ++p) {
      const A other = lane.load(statistics(p));
      top = other > top ? other : top;
    }
    for (int p = first; p < last; ++p)
      sum = math::fma(math::exp(lane.load(statistics(p)) - top), lane.load(statistics(p) + 1), sum);
    for (int c = lane.lane_index(); c < heads.size; c += warp_size) {
      A value = 0;
      for (int p = first; p < last; ++p)
        value = math::fma(math::exp(lane.load(statistics(p)) - top),
                          lane.load(parts.out + parts.slot(p, head, heads.count) * heads.size + c), value);
      lane.store(out.row(branch) + head * heads.size + c, static_cast<T>(value / sum));
    }
  }
};

}  // namespace CANDOR_NS::device
