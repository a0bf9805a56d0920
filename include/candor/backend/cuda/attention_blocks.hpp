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

/// Tokens [begin, end), with the smallest and the largest `reach` of queries or `visible_until` of keys.
struct token_block {
  std::int32_t begin, end, least, most;
};
inline std::vector<token_block> cut(const std::vector<std::int32_t>& values, std::int32_t size) {
  std::vector<token_block> blocks;
  const auto tokens = static_cast<std::int32_t>(values.size());
  for (std::int32_t begin = 0; begin < tokens; begin += size) {
    const std::int32_t end = std::min(begin + size, tokens);
    const auto [least, most] = std::minmax_element(values.begin() + begin, values.begin() + end);
    blocks.push_back({begin, end, *least, *most});
  }
  return blocks;
}

/// What queries q see of keys k. Most blocks are settled by their extremes; only at edges tokens are looked
/// at.
inline seen block_seen(const attention_layout& layout, const token_block& q, const token_block& k) {
  if (k.begin > q.most || k.most <= q.begin) return seen::none;
  if (k.end - 1 <= q.least && k.least >= q.end) return seen::whole;
  const std::int32_t *reach = layout.reach.data(), *until = layout.visible_until.data();
  std::int32_t reached[std::max(query_block, backward_query_block)];  // by the queries up to each
  for (std::int32_t i = q.begin, most = -1; i < q.end; ++i)
    reached[i - q.begin] = most = std::max(most, reach[i]);
  for (std::int32_t i = k.begin; i < k.end; ++i) {
    const std::int32_t last = std::min(until[i], q.end) - 1;
    if (last >= q.begin && reached[last - q.begin] >= i) return seen::in_part;
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
    of_keys_ = add_list(layout, backward_query_block, key_block, true);
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

  /// For each block of queries its blocks of keys, or with `by_keys` the other way round.
  list_places add_list(const attention_layout& layout, std::int32_t queries, std::int32_t keys,
                       bool by_keys) {
    const auto query_blocks = detail::cut(layout.reach, queries),
               key_blocks = detail::cut(layout.visible_until, keys);
    std::vector<std::int32_t> begin{0}, partner;
    for (const auto& a : by_keys ? key_blocks : query_blocks) {
      for (const auto& b : by_keys ? query_blocks : key_blocks) {
        const auto &q = by_keys ? b : a, &k = by_keys ? a : b;
        const auto seen = detail::block_seen(layout, q, k);
        if (seen == detail::seen::none) continue;
        const bool cut = q.end - q.begin < queries || k.end - k.begin < keys;  // padding must be masked
        partner.push_back(2 * (b.begin / (by_keys ? queries : keys)) +
                          (cut || seen == detail::seen::in_part));
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
