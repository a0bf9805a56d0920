// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the device's attention kernels are given. Shapes as in backend/host/attention.hpp: q, out and their
/// gradients (T, H D), k, v and theirs (T, K D), lse (H, T) in nats; rows may be parts of wider ones.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/cuda/attention_blocks.hpp>
#include <candor/core/scalar.hpp>

#include <cstdint>

namespace CANDOR_NS::device {

/// Rows in global memory, `stride` elements apart.
template <class T>
struct strided_rows {
  T* data = nullptr;
  std::int64_t stride = 0;
  CANDOR_HD T* row(std::int64_t i) const { return data + i * stride; }
};

/// Heads as kernels count them. Query head h shares the key head h / group.
struct head_shape {
  int count = 1;  ///< query heads
  int group = 1;  ///< query heads that share a key head
  int size = 0;   ///< width of a head
  double scale = 1.0;

  explicit head_shape(const attention_heads& h)
      : count(static_cast<int>(h.count)),
        group(static_cast<int>(h.count / h.kv_count)),
        size(static_cast<int>(h.size)),
        scale(h.scale) {}
};

template <class T>
struct attention_tensors {
  strided_rows<const T> q, k, v;
  strided_rows<T> out;                 ///< written by the forward pass, read by the backward pass
  strided_rows<accumulator_t<T>> lse;  ///< the same
  strided_rows<const T> d_out = {};    ///< this and the rest for the backward pass only
  strided_rows<T> d_q = {}, d_k = {}, d_v = {};
};

/// What the backward pass needs of each query row, for each head: (H, 2, padded). First lse as the kernels
/// take it, infinite for padding, whose weights so become 0; then the sum of out * d_out.
template <class A>
struct row_statistics {
  A* data = nullptr;
  std::int64_t padded = 0;
  CANDOR_HD A* lse(int head) const { return data + 2 * head * padded; }
  CANDOR_HD A* dot(int head) const { return lse(head) + padded; }
};

/// Elements of the workspace of the backward pass.
inline std::int64_t attention_workspace(const attention_heads& heads, const attention_plan_view& plan) {
  return 2 * heads.count * plan.padded;
}

/// Whether query q may see key k; both may be padding.
CANDOR_HD inline bool sees(std::int32_t q, std::int32_t reach, std::int32_t k, std::int32_t visible_until) {
  return k <= reach && q < visible_until;
}

}  // namespace CANDOR_NS::device
