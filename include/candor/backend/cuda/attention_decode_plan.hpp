// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How a decoding step's attention is cut into blocks, built on the host once a step and read by every layer.
/// A task is a run of keys and up to 16 queries that all see it whole: a piece of a stem with the queries of
/// its branches, which so read it once, or a piece of a branch's own past with the query heads that share it.
/// Each query collects the parts that its tasks leave, and a second kernel merges them. Plain C++.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/cuda/attention_blocks.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace CANDOR_NS::device {

/// Queries of a task; rows of the left operand of a tensor core.
inline constexpr int decode_rows = 16;

struct alignas(16) decode_task {
  std::int32_t first_row, rows;     ///< of branch * group + head within the group
  std::int32_t key_begin, key_end;  ///< rows of the stem's cache, or of the branches'
  std::int32_t of_stem;             ///< which of the two caches
  std::int32_t part;                ///< its number among the parts of each of these branches
  std::int32_t unused[2];
};

struct decode_plan_view {
  std::int32_t tasks = 0, branches = 0, parts = 0;
  const decode_task* task = nullptr;         ///< (tasks)
  const std::int32_t* part_begin = nullptr;  ///< (branches + 1): where the parts of a branch lie among all
};

class decode_plan {
 public:
  /// `group`: query heads that share a key head. `wanted`: tasks that keep the device busy, the number of
  /// blocks that run at once divided by the key heads; keys are cut no finer than that needs, since every cut
  /// is more to merge.
  decode_plan(const decode_layout& layout, std::int64_t group, std::int64_t wanted)
      : branches_(static_cast<std::int32_t>(layout.length.size())) {
    constexpr std::int32_t least_run = 2 * key_block, most_run = 16 * key_block;
    std::vector<decode_task> tasks;
    for (std::int32_t run = most_run;; run /= 2) {
      tasks = cut(layout, static_cast<std::int32_t>(group), run);
      if (run == least_run || static_cast<std::int64_t>(tasks.size()) >= wanted) break;
    }
    tasks_ = static_cast<std::int32_t>(tasks.size());
    std::vector<std::int32_t> begin(static_cast<std::size_t>(branches_) + 1);
    for (const auto& t : tasks)
      for (std::int32_t b = t.first_row / static_cast<std::int32_t>(group);
           b <= (t.first_row + t.rows - 1) / static_cast<std::int32_t>(group); ++b)
        begin[static_cast<std::size_t>(b) + 1] = std::max(begin[static_cast<std::size_t>(b) + 1], t.part + 1);
    for (std::size_t b = 0; b + 1 < begin.size(); ++b) begin[b + 1] += begin[b];
    parts_ = begin.back();
    for (const auto& t : tasks)
      numbers_.insert(numbers_.end(), {t.first_row, t.rows, t.key_begin, t.key_end, t.of_stem, t.part, 0, 0});
    numbers_.insert(numbers_.end(), begin.begin(), begin.end());
  }

  /// What a copy of these numbers at `base` (16-byte aligned) holds. `base` is where they were uploaded to.
  const std::vector<std::int32_t>& numbers() const { return numbers_; }
  decode_plan_view view(const std::int32_t* base) const {
    return {tasks_, branches_, parts_, reinterpret_cast<const decode_task*>(base), base + 8 * tasks_};
  }

 private:
  static std::vector<decode_task> cut(const decode_layout& layout, std::int32_t group, std::int32_t run) {
    std::vector<decode_task> tasks;
    // Appends tasks for rows [r0, r1) against keys [k0, k1); the number of the next part.
    const auto add = [&](std::int32_t r0, std::int32_t r1, std::int32_t k0, std::int32_t k1, bool of_stem,
                         std::int32_t part) {
      for (std::int32_t k = k0; k < k1; k += run, ++part)
        for (std::int32_t r = r0; r < r1;
             r += decode_rows)  // neighbours in the grid, so that they meet in the cache
          tasks.push_back({r, std::min(decode_rows, r1 - r), k, std::min(k + run, k1), of_stem, part, {}});
      return part;
    };
    for (const auto& g : layout.groups) {
      const std::int32_t end = g.first_branch + g.branches;
      const std::int32_t part = add(g.first_branch * group, end * group, g.stem_begin, g.stem_end, true, 0);
      for (std::int32_t b = g.first_branch; b < end; ++b) {
        const auto past = static_cast<std::int32_t>(layout.past(b));
        add(b * group, (b + 1) * group, past, past + layout.length[static_cast<std::size_t>(b)], false, part);
      }
    }
    return tasks;
  }

  std::int32_t tasks_ = 0, branches_, parts_ = 0;
  std::vector<std::int32_t> numbers_;
};

}  // namespace CANDOR_NS::device
