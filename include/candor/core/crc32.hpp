// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CRC-32 as PNG and zip use it (polynomial 0xEDB88320, reflected), eight bytes a step.

#include <candor/core/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace CANDOR_NS::detail {

/// Row k holds the effect of a byte that k further bytes follow.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = (c & 1u) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    tables[0][n] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t n = 0; n < 256; ++n)
      tables[k][n] = tables[0][tables[k - 1][n] & 0xFFu] ^ (tables[k - 1][n] >> 8);
  return tables;
}
inline constexpr auto crc_tables = make_crc_tables();

/// The check sum of all bytes, continued from `crc` (0 at the start).
constexpr std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
  const auto word = [&](std::size_t i) {
    return byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
  };
  const auto& t = crc_tables;
  crc = ~crc;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    const std::uint32_t a = crc ^ word(i), b = word(i + 4);
    crc = t[7][a & 0xFFu] ^ t[6][a >> 8 & 0xFFu] ^ t[5][a >> 16 & 0xFFu] ^ t[4][a >> 24] ^ t[3][b & 0xFFu] ^
          t[2][b >> 8 & 0xFFu] ^ t[1][b >> 16 & 0xFFu] ^ t[0][b >> 24];
  }
  for (; i < bytes.size(); ++i) crc = t[0][(crc ^ byte(i)) & 0xFFu] ^ (crc >> 8);
  return ~crc;
}

}  // namespace CANDOR_NS::detail
