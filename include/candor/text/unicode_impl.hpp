// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Characters beyond ASCII, for implementation files: classes, lower case and normal form C (Unicode Standard
/// Annex 15). Inline in every build.

#include <candor/text/unicode_classes_impl.hpp>
#include <candor/text/unicode_decompositions_impl.hpp>
#include <candor/text/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace CANDOR_NS::detail {

/// Code points of a text; a byte that belongs to no valid character is U+FFFD.
inline std::u32string code_points_of(std::string_view s) {
  std::u32string out;
  out.reserve(s.size());
  while (!s.empty()) {
    const std::size_t n = utf8_length(s);
    char32_t c = n == 0 ? U'\uFFFD' : static_cast<unsigned char>(s[0]) & (n == 1 ? 0x7Fu : 0x7Fu >> n);
    for (std::size_t i = 1; i < n; ++i) c = (c << 6) | (static_cast<unsigned char>(s[i]) & 0x3Fu);
    out.push_back(c);
    s.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return out;
}

inline void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80u | ((c >> shift) & 0x3Fu))); };
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0u | (c >> 6)));
    tail(0);
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0u | (c >> 12)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0u | (c >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// The run of a sorted table that holds the character, or its end.
template <class Run, std::size_t N>
const Run* unicode_run_of(const Run (&runs)[N], char32_t c) {
  const Run* run = std::upper_bound(std::begin(runs), std::end(runs), c,
                                    [](char32_t x, const Run& r) { return x < r.first; });
  if (run == std::begin(runs) || c > std::prev(run)->last) return std::end(runs);
  return std::prev(run);
}

inline bool is_unicode_letter(char32_t c) {
  return unicode_run_of(unicode_letters, c) != std::end(unicode_letters);
}
inline bool is_unicode_number(char32_t c) {
  return unicode_run_of(unicode_numbers, c) != std::end(unicode_numbers);
}
/// The property White_Space.
constexpr bool is_unicode_space(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/// Lower case character by character: no rule looks at its neighbours.
inline std::u32string unicode_lower(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    if (c == 0x130) {  // the only one that becomes two
      out += U"i\u0307";
      continue;
    }
    const auto* run = unicode_run_of(lower_case_runs, c);
    const bool upper = run != std::end(lower_case_runs) && (c - run->first) % run->step == 0;
    out.push_back(upper ? static_cast<char32_t>(static_cast<std::int32_t>(c) + run->distance) : c);
  }
  return out;
}

/// Hangul syllables are composed by arithmetic.
struct hangul {
  static constexpr char32_t first = 0xAC00, lead = 0x1100, vowel = 0x1161, tail = 0x11A7;
  static constexpr char32_t leads = 19, vowels = 21, tails = 28, count = leads * vowels * tails;
};

inline std::uint32_t combining_order(char32_t c) {
  const auto* run = unicode_run_of(combining_runs, c);
  return run == std::end(combining_runs) ? 0 : run->order;
}

inline void decompose(char32_t c, std::u32string& out) {
  if (c >= hangul::first && c < hangul::first + hangul::count) {
    const char32_t s = c - hangul::first;
    out.push_back(hangul::lead + s / (hangul::vowels * hangul::tails));
    out.push_back(hangul::vowel + s % (hangul::vowels * hangul::tails) / hangul::tails);
    if (s % hangul::tails != 0) out.push_back(hangul::tail + s % hangul::tails);
    return;
  }
  const auto* found =
      std::lower_bound(std::begin(canonical_decompositions), std::end(canonical_decompositions), c,
                       [](const auto& d, char32_t x) { return d.code < x; });
  if (found == std::end(canonical_decompositions) || found->code != c) {
    out.push_back(c);
    return;
  }
  decompose(found->first, out);
  if (found->second != 0) decompose(found->second, out);
}

/// The character that two make, or 0.
inline char32_t composed(char32_t a, char32_t b) {
  if (a >= hangul::lead && a < hangul::lead + hangul::leads && b >= hangul::vowel &&
      b < hangul::vowel + hangul::vowels)
    return hangul::first + ((a - hangul::lead) * hangul::vowels + b - hangul::vowel) * hangul::tails;
  if (a >= hangul::first && a < hangul::first + hangul::count && (a - hangul::first) % hangul::tails == 0 &&
      b > hangul::tail && b < hangul::tail + hangul::tails)
    return a + b - hangul::tail;
  static const auto pairs = [] {
    std::map<std::pair<char32_t, char32_t>, char32_t> out;
    for (const auto& d : canonical_decompositions)
      if (d.composes != 0) out.emplace(std::pair<char32_t, char32_t>(d.first, d.second), d.code);
    return out;
  }();
  const auto found = pairs.find({a, b});
  return found == pairs.end() ? 0 : found->second;
}

/// Normal form C.
inline std::u32string unicode_compose(std::u32string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0xC0; })) return std::u32string(text);
  std::u32string apart;
  for (const char32_t c : text) decompose(c, apart);
  for (std::size_t i = 0; i < apart.size(); ++i) {
    std::size_t end = i;
    while (end < apart.size() && combining_order(apart[end]) != 0) ++end;
    std::stable_sort(apart.begin() + static_cast<std::ptrdiff_t>(i),
                     apart.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char32_t a, char32_t b) { return combining_order(a) < combining_order(b); });
    i = end;
  }
  std::u32string out;
  std::size_t starter = std::u32string::npos;  // place in `out` of the last character that others join
  std::uint32_t before = 0;                    // order of the last one that did not join it
  for (const char32_t c : apart) {
    const std::uint32_t order = combining_order(c);
    const bool blocked = starter == std::u32string::npos || (out.size() > starter + 1 && before >= order);
    if (const char32_t joined = blocked ? 0 : composed(out[starter], c); joined != 0) {
      out[starter] = joined;
      continue;
    }
    if (order == 0) starter = out.size();
    before = order;
    out.push_back(c);
  }
  return out;
}

}  // namespace CANDOR_NS::detail
