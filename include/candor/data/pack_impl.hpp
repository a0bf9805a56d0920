// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Packing: every layout first becomes a list of trees (segments in depth-first order), then trees become
/// passes.

#include <candor/data/pack.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE layout_kind parse_layout(std::string_view name) {
  if (name == "shared") return layout_kind::shared;
  if (name == "packed") return layout_kind::packed;
  if (name == "padded") return layout_kind::padded;
  if (name == "single") return layout_kind::single;
  fail<usage_error>("layout '", name, "' is unknown: use shared, packed, padded or single");
}

namespace detail {

/// Position axes of the forests: the most that a segment gives, one where none does.
CANDOR_INLINE std::int32_t axes_of(std::span<const forest* const> forests) {
  std::size_t axes = 1;
  for (const forest* f : forests)
    for (const auto& s : f->segments) axes = std::max(axes, s.positions.size() / s.tokens.size());
  return static_cast<std::int32_t>(axes);
}

/// Segments that lie together, in depth-first order, and the cells that are read off them.
struct pack_tree {
  std::int32_t forest = 0;
  std::vector<std::int32_t> segments;
  std::vector<std::int32_t> cells;
  std::int64_t tokens = 0, padding = 0;
};

CANDOR_INLINE void visit_subtree(const forest& f, std::int32_t root, pack_tree& tree) {
  tree.segments.push_back(root);
  tree.tokens += static_cast<std::int64_t>(f.segments[static_cast<std::size_t>(root)].tokens.size());
  for (std::size_t s = 0; s < f.segments.size(); ++s)
    if (f.segments[s].parent == root) visit_subtree(f, static_cast<std::int32_t>(s), tree);
}

/// Path from the root to the deepest segment that a cell scores.
CANDOR_INLINE std::vector<std::int32_t> path_of(const forest& f, const scored_path& c) {
  std::int32_t leaf = 0;
  for (const auto& run : c) leaf = std::max(leaf, run.segment);
  std::vector<std::int32_t> path;
  for (std::int32_t s = leaf; s >= 0; s = f.segments[static_cast<std::size_t>(s)].parent) path.push_back(s);
  std::reverse(path.begin(), path.end());
  return path;
}

CANDOR_INLINE std::vector<pack_tree> trees_of(const forest& f, std::int32_t index, layout_kind layout) {
  std::vector<pack_tree> trees;
  if (layout == layout_kind::shared) {
    std::vector<std::size_t> tree_of_segment(f.segments.size());
    for (std::size_t s = 0; s < f.segments.size(); ++s) {
      if (f.segments[s].parent >= 0) continue;
      pack_tree tree{index, {}, {}, 0, 0};
      visit_subtree(f, static_cast<std::int32_t>(s), tree);
      for (const auto t : tree.segments) tree_of_segment[static_cast<std::size_t>(t)] = trees.size();
      trees.push_back(std::move(tree));
    }
    for (std::size_t c = 0; c < f.cells.size(); ++c)
      if (!f.cells[c].empty())
        trees[tree_of_segment[static_cast<std::size_t>(f.cells[c].front().segment)]].cells.push_back(
            static_cast<std::int32_t>(c));
  } else {
    for (std::size_t c = 0; c < f.cells.size(); ++c) {
      if (f.cells[c].empty()) continue;
      pack_tree tree{index, path_of(f, f.cells[c]), {static_cast<std::int32_t>(c)}, 0, 0};
      for (const auto s : tree.segments)
        tree.tokens += static_cast<std::int64_t>(f.segments[static_cast<std::size_t>(s)].tokens.size());
      trees.push_back(std::move(tree));
    }
  }
  return trees;
}

/// Builds one pass out of whole trees.
class pass_builder {
 public:
  pass_builder(std::span<const forest* const> forests, std::int32_t axes)
      : forests_(forests), axes_(static_cast<std::size_t>(axes)) {
    batch_.axes = axes;
    layout_.trees.push_back(0);
  }

  std::int64_t tokens() const { return batch_.tokens(); }

  void add(const pack_tree& tree) {
    const forest& f = *forests_[static_cast<std::size_t>(tree.forest)];
    if (feature_base_.find(tree.forest) == feature_base_.end()) {
      feature_base_[tree.forest] = next_feature_;
      next_feature_ += f.feature_rows;
      batch_.forests.push_back(tree.forest);
    }
    starts_.assign(f.segments.size(), -1);
    position_starts_.assign(f.segments.size(), 0);
    for (const auto s : tree.segments) add_segment(f, tree.forest, s);
    close_subtrees(f, tree);
    add_padding(tree.padding);
    const auto end = static_cast<std::int32_t>(tokens());
    layout_.trees.push_back(end);
    for (const auto c : tree.cells) add_cell(f, tree.forest, c);
  }

  packed_batch finish() {
    for (auto& axis : axes_) batch_.positions.insert(batch_.positions.end(), axis.begin(), axis.end());
    std::stable_sort(pending_.begin(), pending_.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    for (const auto& p : pending_) {
      if (batch_.hidden_rows.empty() || batch_.hidden_rows.back() != p.row) {
        batch_.hidden_rows.push_back(p.row);
        batch_.targets.starts.push_back(static_cast<std::int32_t>(batch_.scored.size()));
      }
      batch_.targets.tokens.push_back(p.scored.token);
      batch_.scored.push_back(p.scored);
    }
    batch_.targets.starts.push_back(static_cast<std::int32_t>(batch_.scored.size()));
    batch_.layout = std::make_shared<const attention_layout>(std::move(layout_));
    return std::move(batch_);
  }

 private:
  struct pending_target {
    std::int32_t row;
    scored_token scored;
  };

  void add_token(std::int32_t word, std::int32_t patch, std::int32_t reach, std::uint64_t key) {
    batch_.words.push_back(word);
    batch_.patches.push_back(patch);
    batch_.token_keys.push_back(key);
    layout_.reach.push_back(reach);
  }

  /// Ordinary tokens behind a tree: nothing in front of them sees them, and they see each other alone.
  void add_padding(std::int64_t count) {
    const auto end = static_cast<std::int32_t>(tokens() + count);
    for (std::int64_t i = 0; i < count; ++i) {
      add_token(0, -1, static_cast<std::int32_t>(tokens()), 0);
      layout_.visible_until.push_back(end);
      for (auto& axis : axes_) axis.push_back(0);
    }
  }

  void add_segment(const forest& f, std::int32_t forest_index, std::int32_t index) {
    const segment& s = f.segments[static_cast<std::size_t>(index)];
    const auto start = static_cast<std::int32_t>(tokens());
    const auto n = static_cast<std::int32_t>(s.tokens.size());
    starts_[static_cast<std::size_t>(index)] = start;
    std::int32_t from = 0;
    if (s.parent >= 0) {
      const segment& p = f.segments[static_cast<std::size_t>(s.parent)];
      from = position_starts_[static_cast<std::size_t>(s.parent)] +
             (p.advance >= 0 ? p.advance : static_cast<std::int32_t>(p.tokens.size()));
    }
    position_starts_[static_cast<std::size_t>(index)] = from;
    const auto given_axes = static_cast<std::size_t>(s.positions.size()) / s.tokens.size();
    for (std::size_t axis = 0; axis < axes_.size(); ++axis)
      for (std::int32_t i = 0; i < n; ++i) {
        const std::size_t place =
            std::min(axis, given_axes - (given_axes > 0)) * s.tokens.size() + static_cast<std::size_t>(i);
        axes_[axis].push_back(from + (given_axes == 0 ? i : s.positions[place]));
      }
    std::vector<std::int32_t> reach(s.tokens.size());
    for (std::int32_t i = 0; i < n; ++i) reach[static_cast<std::size_t>(i)] = start + i;
    for (const auto& span : s.two_way)
      for (std::int32_t i = span.begin; i < span.end; ++i)
        reach[static_cast<std::size_t>(i)] = start + span.end - 1;
    for (std::int32_t i = 0; i < n; ++i) {
      const std::int32_t token = s.tokens[static_cast<std::size_t>(i)];
      const std::uint64_t key = token_key(f.key, index, i);
      add_token(token >= 0 ? token : -1, token >= 0 ? -1 : feature_base_[forest_index] + (-1 - token),
                reach[static_cast<std::size_t>(i)], key);
    }
  }

  /// Depth-first order: a subtree ends with its last descendant.
  void close_subtrees(const forest& f, const pack_tree& tree) {
    ends_.assign(f.segments.size(), 0);
    for (auto it = tree.segments.rbegin(); it != tree.segments.rend(); ++it) {
      const auto index = static_cast<std::size_t>(*it);
      const segment& s = f.segments[index];
      ends_[index] = std::max(ends_[index], starts_[index] + static_cast<std::int32_t>(s.tokens.size()));
      if (s.parent >= 0)
        ends_[static_cast<std::size_t>(s.parent)] =
            std::max(ends_[static_cast<std::size_t>(s.parent)], ends_[index]);
    }
    for (const auto index : tree.segments)
      layout_.visible_until.insert(layout_.visible_until.end(),
                                   f.segments[static_cast<std::size_t>(index)].tokens.size(),
                                   ends_[static_cast<std::size_t>(index)]);
  }

  void add_cell(const forest& f, std::int32_t forest_index, std::int32_t cell_index) {
    std::int32_t place = 0;
    for (const scored_run& run : f.cells[static_cast<std::size_t>(cell_index)]) {
      const segment& s = f.segments[static_cast<std::size_t>(run.segment)];
      const std::int32_t start = starts_[static_cast<std::size_t>(run.segment)];
      for (std::size_t i = 0; i < s.tokens.size(); ++i) {
        const float weight = run.weights.empty() ? 1.0f : run.weights[i];
        if (weight == 0.0f) continue;
        // The first token of a branch is predicted by the last token of its parent.
        std::int32_t row = start + static_cast<std::int32_t>(i) - 1;
        if (i == 0) {
          const auto parent = static_cast<std::size_t>(s.parent);
          row = starts_[parent] + static_cast<std::int32_t>(f.segments[parent].tokens.size()) - 1;
        }
        const std::int32_t target = run.targets.empty() ? s.tokens[i] : run.targets[i];
        pending_.push_back({row, {forest_index, cell_index, place++, target, weight}});
      }
    }
  }

  std::span<const forest* const> forests_;
  packed_batch batch_;
  attention_layout layout_;
  std::vector<std::vector<std::int32_t>> axes_;                // (axes, T)
  std::vector<std::int32_t> starts_, ends_, position_starts_;  // of the current tree's segments
  std::map<std::int32_t, std::int32_t> feature_base_;
  std::int32_t next_feature_ = 0;
  std::vector<pending_target> pending_;
};

}  // namespace detail

CANDOR_INLINE std::vector<packed_batch> pack(std::span<const forest* const> forests,
                                             const pack_options& options) {
  require<usage_error>(options.max_tokens > 0, "[pack] a budget of ", options.max_tokens,
                       " tokens is too small; give at least one");
  std::vector<detail::pack_tree> trees;
  std::vector<std::pair<std::size_t, std::size_t>> units;  // trees that stay together: those of one forest
  for (std::size_t i = 0; i < forests.size(); ++i) {
    check_forest(*forests[i]);
    const std::size_t first = trees.size();
    for (auto& tree : detail::trees_of(*forests[i], static_cast<std::int32_t>(i), options.layout))
      trees.push_back(std::move(tree));
    if (options.layout == layout_kind::single)
      for (std::size_t t = first; t < trees.size(); ++t) units.emplace_back(t, t + 1);
    else if (trees.size() > first)
      units.emplace_back(first, trees.size());
  }
  if (options.layout == layout_kind::padded) {
    std::int64_t longest = 0;
    for (const auto& tree : trees) longest = std::max(longest, tree.tokens);
    for (auto& tree : trees) tree.padding = longest - tree.tokens;
  }
  const std::int32_t axes = detail::axes_of(forests);
  std::vector<packed_batch> passes;
  for (std::size_t u = 0; u < units.size();) {
    detail::pass_builder builder(forests, axes);
    const auto size_of_unit = [&](std::size_t unit) {
      std::int64_t n = 0;
      for (std::size_t t = units[unit].first; t < units[unit].second; ++t)
        n += trees[t].tokens + trees[t].padding;
      return n;
    };
    do {
      for (std::size_t t = units[u].first; t < units[u].second; ++t) builder.add(trees[t]);
      ++u;
    } while (u < units.size() && options.layout != layout_kind::single &&
             builder.tokens() + size_of_unit(u) <= options.max_tokens);
    passes.push_back(builder.finish());
  }
  return passes;
}

}  // namespace CANDOR_NS
