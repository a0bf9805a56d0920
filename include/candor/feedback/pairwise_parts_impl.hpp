// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/pairwise_parts.hpp.

#include <candor/core/error.hpp>
#include <candor/feedback/pairwise_parts.hpp>
#include <candor/text/sentences.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace CANDOR_NS {
namespace detail {

/// Where a text may be cut: the ends of its sentences in bytes, and its own end.
CANDOR_INLINE std::vector<std::size_t> sentence_ends(std::string_view text) {
  std::vector<std::size_t> ends;
  for (const auto s : sentences(text))
    ends.push_back(static_cast<std::size_t>(s.data() - text.data()) + s.size());
  if (ends.empty()) ends.push_back(text.size());
  ends.back() = text.size();
  return ends;
}

/// The text up to each of the ends.
CANDOR_INLINE std::vector<std::string> cut_at(std::string_view text, std::span<const std::size_t> ends) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (const auto end : ends) {
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return parts;
}

CANDOR_INLINE std::size_t parts_of_both(std::span<const std::size_t> first,
                                        std::span<const std::size_t> second, int parts) {
  require<usage_error>(parts > 0, "[aligned_parts] ", parts, " parts; expected one at least");
  return std::min({static_cast<std::size_t>(parts), first.size(), second.size()});
}

/// The ends nearest to equal lengths, ascending, that leave a sentence for each part behind them.
CANDOR_INLINE std::vector<std::size_t> even_ends(std::span<const std::size_t> ends, std::size_t parts) {
  std::vector<std::size_t> chosen;
  std::size_t free = 0;  // the first end that may be taken
  for (std::size_t i = 1; i < parts; ++i) {
    const double wanted =
        static_cast<double>(ends.back()) * static_cast<double>(i) / static_cast<double>(parts);
    const auto distance = [&](std::size_t end) { return std::abs(static_cast<double>(ends[end]) - wanted); };
    std::size_t best = free;
    for (std::size_t e = free; e + (parts - i) < ends.size(); ++e)
      if (distance(e) < distance(best)) best = e;
    chosen.push_back(ends[best]);
    free = best + 1;
  }
  chosen.push_back(ends.back());
  return chosen;
}

/// At most `most` of the ends, evenly, the last one among them.
CANDOR_INLINE std::vector<std::size_t> thinned(const std::vector<std::size_t>& ends, std::size_t most) {
  if (ends.size() <= most) return ends;
  std::vector<std::size_t> out;
  for (std::size_t i = 1; i <= most; ++i) out.push_back(ends[i * ends.size() / most - 1]);
  return out;
}

/// How often each word occurs between two cuts, as differences of counts from the beginning.
class word_counts {
 public:
  /// `names` numbers the words of both texts.
  word_counts(std::string_view text, std::span<const std::size_t> ends,
              std::map<std::string, std::size_t>& names)
      : counts_(1) {
    for (const auto& part : cut_at(text, ends)) {
      counts_.push_back(counts_.back());
      for (const auto& word : split_words(part)) {
        if (word.mark) continue;
        const auto id = names.try_emplace(word.lower, names.size()).first->second;
        if (counts_.back().size() <= id) counts_.back().resize(id + 1);
        ++counts_.back()[id];
      }
    }
  }
  /// Of word `id` between cut `from` and cut `to`; cut 0 is the beginning.
  std::int32_t operator()(std::size_t id, std::size_t from, std::size_t to) const {
    return at(id, to) - at(id, from);
  }

 private:
  std::int32_t at(std::size_t id, std::size_t cut) const {
    return id < counts_[cut].size() ? counts_[cut][id] : 0;
  }
  std::vector<std::vector<std::int32_t>> counts_;  // (cuts + 1, words so far)
};

}  // namespace detail

CANDOR_INLINE aligned_parts parts_by_length(std::string_view first, std::string_view second, int parts) {
  const auto a = detail::sentence_ends(first), b = detail::sentence_ends(second);
  const std::size_t n = detail::parts_of_both(a, b, parts);
  return {detail::cut_at(first, detail::even_ends(a, n)), detail::cut_at(second, detail::even_ends(b, n))};
}

CANDOR_INLINE aligned_parts parts_by_words(std::string_view first, std::string_view second, int parts) {
  constexpr std::size_t most = 32;
  const auto a = detail::thinned(detail::sentence_ends(first), most),
             b = detail::thinned(detail::sentence_ends(second), most);
  const std::size_t n = detail::parts_of_both(a, b, parts);
  std::map<std::string, std::size_t> names;
  const detail::word_counts in_a(first, a, names), in_b(second, b, names);
  const auto likeness = [&](std::size_t a0, std::size_t a1, std::size_t b0, std::size_t b1) {
    std::int32_t both = 0, all = 0;
    for (std::size_t id = 0; id < names.size(); ++id) {
      const auto x = in_a(id, a0, a1), y = in_b(id, b0, b1);
      both += std::min(x, y);
      all += x + y;
    }
    return all == 0 ? 0.0 : 2.0 * both / all;
  };

  // best(p, i, j): the first p parts take i sentences of the first answer and j of the second one.
  struct step {
    double sum = -1;  ///< -1: cannot be
    std::size_t i = 0, j = 0;
  };
  const std::size_t rows = a.size() + 1, columns = b.size() + 1;
  std::vector<step> best((n + 1) * rows * columns);
  const auto at = [&](std::size_t p, std::size_t i, std::size_t j) -> step& {
    return best[(p * rows + i) * columns + j];
  };
  at(0, 0, 0).sum = 0;
  for (std::size_t p = 1; p <= n; ++p)
    for (std::size_t i = p; i < rows; ++i)
      for (std::size_t j = p; j < columns; ++j) {
        if (p == n && (i + 1 < rows || j + 1 < columns)) continue;  // the last part ends both
        for (std::size_t i0 = p - 1; i0 < i; ++i0)
          for (std::size_t j0 = p - 1; j0 < j; ++j0) {
            const double before = at(p - 1, i0, j0).sum;
            if (before < 0) continue;
            const double sum = before + likeness(i0, i, j0, j);
            if (sum > at(p, i, j).sum) at(p, i, j) = {sum, i0, j0};
          }
      }
  std::vector<std::size_t> cuts_a(n), cuts_b(n);
  for (std::size_t p = n, i = a.size(), j = b.size(); p > 0; --p) {
    cuts_a[p - 1] = a[i - 1];
    cuts_b[p - 1] = b[j - 1];
    const step& s = at(p, i, j);
    i = s.i;
    j = s.j;
  }
  return {detail::cut_at(first, cuts_a), detail::cut_at(second, cuts_b)};
}

}  // namespace CANDOR_NS
