// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of fingerprint.hpp. xxhash is compiled in (XXH_INLINE_ALL), so that nothing has to be linked.

#include <candor/core/error.hpp>
#include <candor/core/fingerprint.hpp>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

namespace CANDOR_NS {

namespace detail {

CANDOR_INLINE std::string hash_hex(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string out;
  for (const unsigned char byte : canonical.digest) {
    out.push_back("0123456789abcdef"[byte >> 4]);
    out.push_back("0123456789abcdef"[byte & 15]);
  }
  return out;
}

/// Each string is preceded by its length, so that no two different lists give the same bytes.
CANDOR_INLINE void append_sized(std::string& out, std::string_view s) {
  out += text(s.size(), ':');
  out += s;
}

}  // namespace detail

CANDOR_INLINE std::string hash_bytes(std::span<const std::byte> bytes) {
  return detail::hash_hex(XXH3_128bits(bytes.data(), bytes.size()));
}
CANDOR_INLINE std::string hash_bytes(std::string_view bytes) {
  return detail::hash_hex(XXH3_128bits(bytes.data(), bytes.size()));
}

CANDOR_INLINE std::string hash_file(const std::filesystem::path& path) {
  struct close {
    void operator()(std::FILE* f) const { std::fclose(f); }
  };
  const std::unique_ptr<std::FILE, close> file(std::fopen(path.c_str(), "rb"));
  require<io_error>(file != nullptr, "cannot open ", path.string(), " to hash it: ", std::strerror(errno));
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  std::vector<char> block(std::size_t{1} << 20);
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file.get()))
    XXH3_128bits_update(&state, block.data(), n);
  require<io_error>(std::ferror(file.get()) == 0, "cannot read ", path.string(),
                    " to hash it: ", std::strerror(errno));
  return detail::hash_hex(XXH3_128bits_digest(&state));
}

CANDOR_INLINE void fingerprint::add(std::string_view label, std::string_view bytes) {
  const auto known =
      std::find_if(parts_.begin(), parts_.end(), [&](const part& p) { return p.label == label; });
  if (known == parts_.end())
    parts_.push_back({std::string(label), hash_bytes(bytes)});
  else
    known->digest = hash_bytes(known->digest + hash_bytes(bytes));
}

CANDOR_INLINE void fingerprint::add(std::span<const std::byte> bytes, std::string_view label) {
  add(label, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

CANDOR_INLINE void fingerprint::add_file_stat(const std::filesystem::path& path, std::string_view label) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  require<io_error>(!failed, "cannot read the size of ", path.string(), ": ", failed.message());
  const auto time = std::filesystem::last_write_time(path, failed).time_since_epoch();
  require<io_error>(!failed, "cannot read the time of ", path.string(), ": ", failed.message());
  std::string bytes;
  detail::append_sized(bytes, path.filename().string());
  bytes += text(size, ':', std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  add(label, bytes);
}

CANDOR_INLINE void fingerprint::add_file(const std::filesystem::path& path, std::string_view label) {
  std::string bytes;
  detail::append_sized(bytes, path.filename().string());
  add(label, bytes + hash_file(path));
}

CANDOR_INLINE std::string fingerprint::hex() const {
  std::string all;
  for (const part& p : parts_) {
    detail::append_sized(all, p.label);
    detail::append_sized(all, p.digest);
  }
  return hash_bytes(all);
}

CANDOR_INLINE std::string first_difference(const fingerprint& expected, const fingerprint& found) {
  const auto& a = expected.parts();
  const auto& b = found.parts();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (!(a[i] == b[i])) return a[i].label;
  if (a.size() == b.size()) return {};
  return a.size() > b.size() ? a[b.size()].label : b[a.size()].label;
}

}  // namespace CANDOR_NS
