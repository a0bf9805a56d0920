// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Base64 (RFC 4648) of bytes, as data URLs need it.

#include <candor/core/config.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace CANDOR_NS {

/// With padding, without line breaks.
inline std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? static_cast<std::uint8_t>(bytes[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j) out += j <= count ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace CANDOR_NS
