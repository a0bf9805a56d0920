// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of table.hpp.

#include <candor/core/error.hpp>
#include <candor/train/table.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// Columns that UTF-8 text takes on a terminal, one for each code point.
CANDOR_INLINE std::size_t columns_of(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(
      cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

}  // namespace detail

CANDOR_INLINE table::table(std::vector<std::string> header) {
  require<usage_error>(!header.empty(), "a table needs at least one column");
  rows_.push_back(std::move(header));
}

CANDOR_INLINE void table::add(std::vector<std::string> cells) {
  require<usage_error>(cells.size() == rows_[0].size(), "a table row has ", cells.size(),
                       " cells, the header has ", rows_[0].size());
  rows_.push_back(std::move(cells));
}

CANDOR_INLINE std::string table::str() const {
  std::vector<std::size_t> widths(rows_[0].size(), 0);
  for (const auto& row : rows_)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], detail::columns_of(row[c]));
  std::string out;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string gap(widths[c] - detail::columns_of(rows_[r][c]), ' ');
      line += c == 0 ? rows_[r][c] + gap : "  " + gap + rows_[r][c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
    if (r > 0) continue;
    std::size_t total = 2 * (widths.size() - 1);
    for (const std::size_t width : widths) total += width;
    out += std::string(total, '-') + '\n';
  }
  return out;
}

CANDOR_INLINE std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  std::array<char, 400> buffer;  // the longest double has 309 digits before the point
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, std::clamp(digits, 0, 40));
  return std::string(buffer.data(), end.ptr);
}

CANDOR_INLINE std::string percent(double share, int digits) { return fixed(100.0 * share, digits) + " %"; }

CANDOR_INLINE std::string clock_text(double seconds) {
  if (!(seconds >= 0.0) || seconds > 1e12) return "?";
  const auto whole = static_cast<long long>(seconds);
  const auto two = [](long long n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::string tail = two(whole / 60 % 60) + ':' + two(whole % 60);
  return whole < 3600 ? tail : std::to_string(whole / 3600) + ':' + tail;
}

}  // namespace CANDOR_NS
