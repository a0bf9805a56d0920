// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Mutates PNG files so that their check sums still hold: random changes alone are all refused at the first
/// chunk. JPEG files, and one PNG file in eight, are changed as libFuzzer does.

#include <candor/image/png_scan.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  constexpr std::size_t signature = 8, frame = 12;  // bytes; frame: length, type, check sum
  size = LLVMFuzzerMutate(data, size, max_size);
  if (size < signature || data[0] != 0x89 || seed % 8 == 0) return size;
  for (std::size_t at = signature; size - at >= frame;) {
    const std::size_t length = std::size_t{data[at]} << 24 | std::size_t{data[at + 1]} << 16 |
                               std::size_t{data[at + 2]} << 8 | data[at + 3];
    if (length > size - at - frame) break;
    const auto sum = candor::detail::crc32(std::as_bytes(std::span(data + at + 4, length + 4)));
    for (std::size_t i = 0; i < 4; ++i)
      data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += length + frame;
  }
  return size;
}
