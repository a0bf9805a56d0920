// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#include <candor/core/config.hpp>

#include <cstddef>
#include <string_view>

namespace CANDOR_NS {

/// Bytes of the character at the beginning of the text, or 0 where it is empty or does not begin with a valid
/// one.
constexpr std::size_t utf8_length(std::string_view s) {
  if (s.empty()) return 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(i < s.size() ? s[i] : 0); };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
  const unsigned lead = at(0), next = at(1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  if (!tail(1)) return 0;
  if (lead < 0xE0) return 2;
  if ((lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F)) return 0;
  if ((lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F)) return 0;
  if (!tail(2)) return 0;
  if (lead < 0xF0) return 3;
  return tail(3) ? 4 : 0;
}

/// Offset of the first byte that does not belong to a valid character, or npos.
constexpr std::size_t utf8_error(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t n = utf8_length(s.substr(i));
    if (n == 0) return i;
    i += n;
  }
  return std::string_view::npos;
}

}  // namespace CANDOR_NS
