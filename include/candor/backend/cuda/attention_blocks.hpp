// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which blocks of keys a block of queries sees, and the other way round, for the device's attention. Built
/// on the host once a layout, uploaded once, and read by every layer: a kernel never meets a block that it
/// would skip, and looks at single tokens only where a block is seen in part. Plain C++.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/cuda/lane.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace CANDOR_NS::device {

/// Tokens in a block. At our lengths larger ones compute much at their edges that nobody sees: of eight
/// packed pairs of 636 + 2 x 150 tokens 1.22 times what is seen, and 1.37 times with 128 queries. The pass
/// over keys holds the gradients of two matrices in registers, so it takes fewer queries at a time.
inline constexpr int query_block = 64, key_block = 64, backward_query_block = 32;

/// For each block of one side the blocks of the other side that it meets.
struct block_list {
  const std::int32_t* order =
      nullptr;  ///< (blocks): those with the most work first, so that none starts last
  const std::int32_t* begin = nullptr;    ///< (blocks + 1): where the partners of a block begin
  const std::int32_t* partner = nullptr;  ///< 2 * block of the other side, + 1 where it is seen in part
  std::int32_t blocks = 0;
};

/// A layout as kernels read it, all in one memory. Tokens are padded to whole blocks by such as nobody sees.
struct attention_plan_view {
  std::int32_t tokens = 0, padded = 0;
  const std::int32_t* reach = nullptr;          ///< (padded), -1 for padding
  const std::int32_t* visible_until = nullptr;  ///< (padded), 0 for padding
  block_list of_queries;  ///< query_block against key_block: forward, and gradients of queries
  block_list of_keys;     ///< key_block against backward_query_block: gradients of keys and values
};

namespace detail {

enum class seen { none, in_part, whole };

/// What queries [q0, q1) see of keys [k0, k1).
inline seen block_seen(const attention_layout& layout, std::int32_t q0, std::int32_t q1, std::int32_t k0,
                       std::int32_t k1) {
  const std::int32_t *reach = layout.reach.data(), *until = layout.visible_until.data();
  if (*std::min_element(until + k0, until + k1) >= q1 && *std::min_element(reach + q0, reach + q1) >= k1 - 1)
    return seen::whole;
  std::int32_t reached[std::max(query_block, backward_query_block)];  // by the queries up to each
  for (std::int32_t q = q0, most = -1; q < q1; ++q) reached[q - q0] = most = std::max(most, reach[q]);
  for (std::int32_t k = k0; k < k1; ++k) {
    const std::int32_t last = std::min(until[k], q1) - 1;
    if (last >= q0 && reached[last - q0] >= k) return seen::in_part;
  }
  return seen::none;
}

}  // namespace detail

class attention_plan {
 public:
  explicit attention_plan(const attention_layout& layout)
      : tokens_(static_cast<std::int32_t>(layout.tokens())),
        padded_((tokens_ + key_block - 1) / key_block * key_block) {
    reach_ = add(padded(layout.reach, -1));
    visible_until_ = add(padded(layout.visible_until, 0));
    of_queries_ = add_list(layout, query_block, key_block, false);
    of_keys_ = add_list(layout, key_block, backward_query_block, true);
  }

  /// What a copy of these numbers at `base` (16-byte aligned) holds. `base` is where they were uploaded to.
  const std::vector<std::int32_t>& numbers() const { return numbers_; }
  attention_plan_view view(const std::int32_t* base) const {
    const auto list = [&](const list_places& l) {
      return block_list{base + l.order, base + l.begin, base + l.partner, l.blocks};
    };
    return {tokens_, padded_, base + reach_, base + visible_until_, list(of_queries_), list(of_keys_)};
  }

 private:
  struct list_places {
    std::size_t order = 0, begin = 0, partner = 0;
    std::int32_t blocks = 0;
  };

  std::vector<std::int32_t> padded(std::vector<std::int32_t> values, std::int32_t filler) const {
    values.resize(static_cast<std::size_t>(padded_), filler);
    return values;
  }
  /// Appends at a multiple of 16 bytes.
  std::size_t add(const std::vector<std::int32_t>& values) {
    numbers_.resize((numbers_.size() + 3) / 4 * 4);
    numbers_.insert(numbers_.end(), values.begin(), values.end());
    return numbers_.size() - values.size();
  }

  /// Blocks of `size` tokens against blocks of `other`; by_keys: the former are keys and the latter queries.
  list_places add_list(const attention_layout& layout, std::int32_t size, std::int32_t other, bool by_keys) {
    std::vector<std::int32_t> begin{0}, partner;
    for (std::int32_t a0 = 0; a0 < tokens_; a0 += size) {
      const std::int32_t a1 = std::min(a0 + size, tokens_);
      for (std::int32_t b0 = 0; b0 < tokens_; b0 += other) {
        const std::int32_t b1 = std::min(b0 + other, tokens_);
        const auto seen =
            by_keys ? detail::block_seen(layout, b0, b1, a0, a1) : detail::block_seen(layout, a0, a1, b0, b1);
        const bool cut = a1 - a0 < size || b1 - b0 < other;  // padding must be masked
        if (seen != detail::seen::none)
          partner.push_back(2 * (b0 / other) + (cut || seen == detail::seen::in_part));
      }
      begin.push_back(static_cast<std::int32_t>(partner.size()));
    }
    std::vector<std::int32_t> order(begin.size() - 1);
    std::iota(order.begin(), order.end(), 0);
    const auto work = [&](std::int32_t i) {
      return begin[static_cast<std::size_t>(i) + 1] - begin[static_cast<std::size_t>(i)];
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return work(a) > work(b); });
    const auto blocks = static_cast<std::int32_t>(order.size());
    return {add(order), add(begin), add(partner), blocks};
  }

  std::int32_t tokens_, padded_;
  std::vector<std::int32_t> numbers_;
  std::size_t reach_ = 0, visible_until_ = 0;
  list_places of_queries_, of_keys_;
};

}  // namespace CANDOR_NS::device
