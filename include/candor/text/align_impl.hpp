// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of align.hpp: Ratcliff-Obershelp matching as CPython's difflib does it.

#include <candor/core/error.hpp>
#include <candor/text/align.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace CANDOR_NS {
namespace detail {

/// For each place of a: the places of b with the same id that may begin a match, ascending.
class match_index {
 public:
  match_index(std::span<const std::int32_t> a, std::span<const std::int32_t> b, bool autojunk)
      : places_(b.size()) {
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    std::stable_sort(places_.begin(), places_.end(),
                     [&](std::size_t x, std::size_t y) { return b[x] < b[y]; });
    const std::size_t most = autojunk && b.size() >= 200 ? b.size() / 100 + 1 : b.size();
    of_.reserve(a.size());
    for (const std::int32_t id : a) {
      const auto low =
          std::partition_point(places_.begin(), places_.end(), [&](auto p) { return b[p] < id; });
      auto high = std::partition_point(low, places_.end(), [&](auto p) { return b[p] == id; });
      if (static_cast<std::size_t>(high - low) > most) high = low;  // popular
      of_.emplace_back(low, high);
    }
    before_.assign(b.size() + 1, 0);
    here_.assign(b.size() + 1, 0);
  }

  /// difflib's find_longest_match: the longest, of these the first in a, of these the first in b; then
  /// extended on both sides, which matters for popular ids.
  matching_block longest(std::span<const std::int32_t> a, std::span<const std::int32_t> b, std::size_t alo,
                         std::size_t ahi, std::size_t blo, std::size_t bhi) {
    matching_block best{alo, blo, 0};
    used_before_.clear();
    for (std::size_t i = alo; i < ahi; ++i) {  // before_[j + 1]: length of the match that ends at (i - 1, j)
      used_here_.clear();
      const auto places = of_[i];
      for (auto p = std::lower_bound(places.begin(), places.end(), blo); p != places.end() && *p < bhi; ++p) {
        const std::size_t k = before_[*p] + 1;
        here_[*p + 1] = k;
        used_here_.push_back(*p + 1);
        if (k > best.size) best = {i + 1 - k, *p + 1 - k, k};
      }
      for (const std::size_t u : used_before_) before_[u] = 0;
      std::swap(before_, here_);
      std::swap(used_before_, used_here_);
    }
    for (const std::size_t u : used_before_) before_[u] = 0;
    while (best.begin_a > alo && best.begin_b > blo && a[best.begin_a - 1] == b[best.begin_b - 1]) {
      --best.begin_a;
      --best.begin_b;
      ++best.size;
    }
    while (best.begin_a + best.size < ahi && best.begin_b + best.size < bhi &&
           a[best.begin_a + best.size] == b[best.begin_b + best.size])
      ++best.size;
    return best;
  }

 private:
  std::vector<std::size_t> places_;               // places of b, ordered by (id, place)
  std::vector<std::span<const std::size_t>> of_;  // for each place of a
  std::vector<std::size_t> before_, here_;        // (len b + 1), zero outside the used entries
  std::vector<std::size_t> used_before_, used_here_;
};

}  // namespace detail

CANDOR_INLINE std::vector<matching_block> matching_blocks(std::span<const std::int32_t> a,
                                                          std::span<const std::int32_t> b, bool autojunk) {
  struct range {
    std::size_t alo, ahi, blo, bhi;
  };
  detail::match_index index(a, b, autojunk);
  std::vector<matching_block> found;
  std::vector<range> waiting{{0, a.size(), 0, b.size()}};
  while (!waiting.empty()) {
    const range r = waiting.back();
    waiting.pop_back();
    const auto m = index.longest(a, b, r.alo, r.ahi, r.blo, r.bhi);
    if (m.size == 0) continue;
    found.push_back(m);
    if (r.alo < m.begin_a && r.blo < m.begin_b) waiting.push_back({r.alo, m.begin_a, r.blo, m.begin_b});
    if (m.begin_a + m.size < r.ahi && m.begin_b + m.size < r.bhi)
      waiting.push_back({m.begin_a + m.size, r.ahi, m.begin_b + m.size, r.bhi});
  }
  std::sort(found.begin(), found.end(),
            [](const matching_block& x, const matching_block& y) { return x.begin_a < y.begin_a; });
  std::vector<matching_block> merged;
  for (const auto& m : found) {
    if (!merged.empty() && merged.back().begin_a + merged.back().size == m.begin_a &&
        merged.back().begin_b + merged.back().size == m.begin_b)
      merged.back().size += m.size;
    else
      merged.push_back(m);
  }
  merged.push_back({a.size(), b.size(), 0});
  return merged;
}

CANDOR_INLINE std::vector<changed_span> changed_spans(std::span<const std::int32_t> a,
                                                      std::span<const std::int32_t> b,
                                                      const change_options& options) {
  std::vector<changed_span> spans;
  std::size_t end_a = 0, end_b = 0;  // of the last kept block
  for (const auto& m : matching_blocks(a, b, options.autojunk)) {
    const bool last = m.size == 0;
    if (!last && m.size < options.min_match) continue;
    const bool in_a = m.begin_a > end_a, in_b = m.begin_b > end_b;
    if (options.weight_insertions ? in_a || in_b : in_a && in_b)
      spans.push_back({end_a, m.begin_a, end_b, m.begin_b});
    end_a = m.begin_a + m.size;
    end_b = m.begin_b + m.size;
  }
  return spans;
}

CANDOR_INLINE dense_weights weigh_changes(std::span<const std::int32_t> chosen,
                                          std::span<const std::int32_t> rejected,
                                          const dense_weight_options& options,
                                          std::span<const std::int32_t> prompt) {
  require<usage_error>(std::isfinite(options.gamma) && options.gamma >= 0,
                       "dense weights: gamma must be finite and not negative, found ", options.gamma);
  const bool full = options.scope == change_scope::full && !prompt.empty();
  const auto before = full ? prompt.subspan(1) : std::span<const std::int32_t>{};
  std::vector<std::int32_t> a(before.begin(), before.end()), b = a;
  a.insert(a.end(), rejected.begin(), rejected.end());
  b.insert(b.end(), chosen.begin(), chosen.end());
  std::vector<float> weights_a(a.size(), 1.0f), weights_b(b.size(), 1.0f);
  const auto gamma = static_cast<float>(options.gamma);
  for (const auto& s : changed_spans(a, b, options.changes)) {
    std::fill(weights_a.begin() + static_cast<std::ptrdiff_t>(s.begin_a),
              weights_a.begin() + static_cast<std::ptrdiff_t>(s.end_a), gamma);
    std::fill(weights_b.begin() + static_cast<std::ptrdiff_t>(s.begin_b),
              weights_b.begin() + static_cast<std::ptrdiff_t>(s.end_b), gamma);
  }
  const auto skip = static_cast<std::ptrdiff_t>(before.size());
  return {.chosen = {weights_b.begin() + skip, weights_b.end()},
          .rejected = {weights_a.begin() + skip, weights_a.end()}};
}

}  // namespace CANDOR_NS
