// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What every backend asks of a call of attention before it touches memory.

#include <candor/backend/attention_layout.hpp>
#include <candor/core/error.hpp>

#include <algorithm>
#include <cstdint>

namespace CANDOR_NS::detail {

/// Shapes: q (T, H D), k and v (T, K D), lse (H, T). shape_error where they do not fit each other.
template <class Q, class K, class L>
void check_attention(const attention_heads& h, const attention_layout& layout, const Q& q, const K& k,
                     const K& v, const L& lse) {
  const std::int64_t t = layout.tokens();
  require<shape_error>(h.kv_count > 0 && h.count % h.kv_count == 0, "[attention] ", h.count,
                       " query heads cannot share ", h.kv_count, " key heads");
  require<shape_error>(static_cast<std::int64_t>(layout.visible_until.size()) == t && !layout.trees.empty() &&
                           layout.trees.front() == 0 && layout.trees.back() == t,
                       "[attention] a layout of ", t, " tokens has ", layout.visible_until.size(),
                       " ends of visibility, and ", layout.trees.size(),
                       " boundaries of trees, which must go from 0 to ", t);
  require<shape_error>(q.rows == t && q.cols == h.count * h.size && k.rows == t &&
                           k.cols == h.kv_count * h.size && v.rows == t && v.cols == k.cols &&
                           lse.rows == h.count && lse.cols == t,
                       "[attention] q ", q, ", k ", k, ", v ", v, ", lse ", lse, " do not fit ", t,
                       " tokens, ", h.count, " and ", h.kv_count, " heads of ", h.size);
}

/// Shapes: q (branches, H D), branch_k (parts * capacity, K D).
template <class Q, class K>
void check_decode(const attention_heads& h, const decode_layout& layout, const Q& q, const K& branch_k) {
  std::int64_t parts = layout.slots.empty() ? q.rows : 0;
  for (const auto slot : layout.slots) parts = std::max(parts, std::int64_t{slot} + 1);
  require<shape_error>(q.rows == static_cast<std::int64_t>(layout.length.size()) &&
                           q.cols == h.count * h.size && branch_k.rows >= parts * layout.capacity &&
                           (layout.slots.empty() || layout.slots.size() == layout.length.size()),
                       "[attention_decode] q ", q, " and branch keys ", branch_k, " do not fit ",
                       layout.length.size(), " branches of ", layout.capacity, " rows in ", parts, " parts");
}

}  // namespace CANDOR_NS::detail
