// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Mutates zip archives of stored entries so that their check sums still hold: else what lies behind the
/// archive is hardly ever reached. All else, and one archive in eight, is changed as libFuzzer does.

#include <candor/core/crc32.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace candor_fuzz {

/// A little-endian number of `bytes` bytes at an offset, which must lie inside.
inline std::size_t zip_number(const std::uint8_t* data, std::size_t at, std::size_t bytes) {
  std::size_t n = 0;
  for (std::size_t i = bytes; i-- > 0;) n = n << 8 | data[at + i];
  return n;
}

/// Sets the check sums of all entries, in the directory and in front of their data.
inline void mend_zip(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t local_header = 30, directory_header = 46;  // bytes
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  for (std::size_t at = all.find("PK\1\2"); at != all.npos; at = all.find("PK\1\2", at + 4)) {
    if (size - at < directory_header) return;
    const std::size_t bytes = zip_number(data, at + 20, 4), begin = zip_number(data, at + 42, 4);
    if (begin > size || size - begin < local_header) continue;
    const std::size_t content =
        begin + local_header + zip_number(data, begin + 26, 2) + zip_number(data, begin + 28, 2);
    if (content > size || bytes > size - content) continue;
    const auto sum = candor::detail::crc32(std::as_bytes(std::span(data + content, bytes)));
    for (std::size_t i = 0; i < 4; ++i)
      data[at + 16 + i] = data[begin + 14 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
  }
}

}  // namespace candor_fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) candor_fuzz::mend_zip(data, size);
  return size;
}
