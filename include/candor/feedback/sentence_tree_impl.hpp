// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of sentence_tree.hpp.

#include <candor/core/error.hpp>
#include <candor/feedback/sentence_tree.hpp>
#include <candor/text/characters_impl.hpp>
#include <candor/text/unicode_impl.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE bool has_unwanted_script(std::u32string_view s) {
  constexpr std::pair<char32_t, char32_t> ranges[] = {{0x3130, 0x318F},   {0xAC00, 0xD7AF},     // Hangul
                                                      {0x3040, 0x309F},   {0x30A0, 0x30FF},     // Kana
                                                      {0x0400, 0x04FF},                         // Cyrillic
                                                      {0x1F300, 0x1F64F}, {0x1F680, 0x1F77F}};  // emoji
  return std::any_of(s.begin(), s.end(), [&](char32_t c) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const auto& r) { return c >= r.first && c <= r.second; });
  });
}

/// The most times that a word stands there with nothing but spaces between.
CANDOR_INLINE std::size_t longest_run_of_words(std::string_view s) {
  std::size_t longest = 0, run = 0;
  std::string before;
  for (std::size_t at = 0; at < s.size();) {
    std::size_t end = at;
    while (end < s.size() && is_word(s[end])) ++end;
    if (end > at) {
      const std::string_view word = s.substr(at, end - at);
      run = word == before ? run + 1 : 1;
      before = word;
      longest = std::max(longest, run);
      at = end;
    } else {
      if (!is_space(s[at])) before.clear();
      ++at;
    }
  }
  return longest;
}

/// The most times that a character other than a space stands there with nothing but spaces between.
CANDOR_INLINE std::size_t longest_run_of_characters(std::u32string_view s) {
  std::size_t longest = 0, run = 0;
  char32_t before = 0;
  for (const char32_t c : s) {
    if (is_unicode_space(c)) continue;
    run = c == before ? run + 1 : 1;
    before = c;
    longest = std::max(longest, run);
  }
  return longest;
}

/// Adds to each child of a node its place among its siblings by `value`, best first, from 1 / siblings to 1.
template <class Value>
void add_ranks(const sentence_tree& tree, double weight, const Value& value, std::vector<double>& costs) {
  std::vector<std::int32_t> children;
  for (std::size_t parent = 0; parent < tree.size(); ++parent) {
    children.clear();
    for (std::size_t i = parent + 1; i < tree.size(); ++i)
      if (tree[i].parent == static_cast<std::int32_t>(parent))
        children.push_back(static_cast<std::int32_t>(i));
    const auto of = [&](std::int32_t i) { return value(tree[static_cast<std::size_t>(i)]); };
    std::stable_sort(children.begin(), children.end(),
                     [&](std::int32_t a, std::int32_t b) { return of(a) > of(b); });
    for (std::size_t rank = 0; rank < children.size(); ++rank)
      costs[static_cast<std::size_t>(children[rank])] +=
          weight * static_cast<double>(rank + 1) / static_cast<double>(children.size());
  }
}

}  // namespace detail

CANDOR_INLINE std::string_view name_of(sentence_reward reward) {
  return reward == sentence_reward::ranks ? "ranks" : "sums";
}

CANDOR_INLINE void check_options(const sentence_search_options& o) {
  require<usage_error>(o.num_beams > 1 && o.num_beam_groups > 0 && o.num_beams % o.num_beam_groups == 0,
                       "[sentence_search] ", o.num_beams, " beams in ", o.num_beam_groups,
                       " groups; expected two beams at least, and groups of equal size");
  require<usage_error>(o.max_new_tokens > 0 && o.max_characters > 0, "[sentence_search] sentences of ",
                       o.max_new_tokens, " tokens and answers of ", o.max_characters,
                       " bytes; expected at least one of each");
  require<usage_error>(o.keep_best + o.keep_worst > 0 && o.keep_best + o.keep_worst <= o.open_nodes,
                       "[sentence_search] keeps the ", o.keep_best, " best and the ", o.keep_worst,
                       " worst of ", o.open_nodes,
                       " open nodes; expected one at least, and no more than there are");
  require<usage_error>(o.lambda >= 0 && o.lambda <= 1, "[sentence_search] lambda ", o.lambda,
                       "; expected a weight from 0 to 1");
}

CANDOR_INLINE bool sentence_allowed(std::string_view sentence) {
  if (sentence.size() < 4 || std::count(sentence.begin(), sentence.end(), '\n') > 5) return false;
  if (sentence.find("&nbsp;&nbsp;") != std::string_view::npos) return false;
  const std::u32string characters = detail::code_points_of(sentence);
  return !detail::has_unwanted_script(characters) && detail::longest_run_of_words(sentence) < 6 &&
         detail::longest_run_of_characters(characters) < 11;
}

CANDOR_INLINE std::vector<std::int32_t> nodes_to_continue(const sentence_tree& tree,
                                                          std::vector<std::int32_t> open,
                                                          const sentence_search_options& options) {
  if (open.size() < options.open_nodes) return open;
  std::stable_sort(open.begin(), open.end(), [&](std::int32_t a, std::int32_t b) {
    return tree[static_cast<std::size_t>(a)].score > tree[static_cast<std::size_t>(b)].score;
  });
  open.erase(open.begin() + static_cast<std::ptrdiff_t>(options.keep_best),
             open.end() - static_cast<std::ptrdiff_t>(options.keep_worst));
  return open;
}

CANDOR_INLINE std::vector<double> path_costs(const sentence_tree& tree,
                                             const sentence_search_options& options) {
  std::vector<double> costs(tree.size(), 0.0);
  const double lambda = options.lambda;
  if (options.reward == sentence_reward::ranks) {
    detail::add_ranks(
        tree, 1 - lambda, [](const sentence_node& n) { return n.score; }, costs);
    detail::add_ranks(
        tree, lambda, [](const sentence_node& n) { return n.clip; }, costs);
  } else {
    for (std::size_t i = 1; i < tree.size(); ++i)
      costs[i] = -((1 - lambda) * std::exp(tree[i].log_prob) + lambda * std::max(tree[i].clip, 0.0));
  }
  std::vector<double> nodes(tree.size(), 1.0);  // on the path, the root among them
  for (std::size_t i = 1; i < tree.size(); ++i) {
    const auto parent = static_cast<std::size_t>(tree[i].parent);
    costs[i] += costs[parent];
    nodes[i] += nodes[parent];
  }
  if (options.reward == sentence_reward::ranks)
    for (std::size_t i = 0; i < tree.size(); ++i) costs[i] /= nodes[i];
  return costs;
}

CANDOR_INLINE std::optional<sentence_pair> pair_of(const sentence_tree& tree,
                                                   const sentence_search_options& options) {
  const auto costs = path_costs(tree, options);
  std::optional<std::size_t> best, worst;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (!tree[i].whole) continue;
    if (!best || costs[i] < costs[*best]) best = i;
    if (!worst || costs[i] >= costs[*worst]) worst = i;
  }
  if (!best || tree[*best].text == tree[*worst].text) return std::nullopt;
  return sentence_pair{tree[*best].text, tree[*worst].text, costs[*best], costs[*worst]};
}

}  // namespace CANDOR_NS
