// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1,
/// 2, 3"), the same on host and device. A stream is (seed, stream); any position is reached at once, and
/// three integers resume it. The rounds are written here, not taken from Random123, whose header brings
/// <iostream> and the intrinsics into every unit; the tests compare the two.

#include <candor/core/config.hpp>
#include <candor/core/math.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Four random words: one Philox block.
struct uint32x4 {
  std::uint32_t word[4];
  CANDOR_HD constexpr std::uint32_t operator[](int i) const { return word[i]; }
  friend bool operator==(const uint32x4&, const uint32x4&) = default;
};

/// Ten rounds of Philox4x32: `counter` (128 bits) under `key` (64 bits), least significant words first.
CANDOR_HD constexpr uint32x4 philox(uint32x4 counter, std::uint32_t key0, std::uint32_t key1) {
  auto [c0, c1, c2, c3] = counter.word;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c0;
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(b >> 32) ^ c1 ^ key0;
    c2 = static_cast<std::uint32_t>(a >> 32) ^ c3 ^ key1;
    c1 = static_cast<std::uint32_t>(b);
    c3 = static_cast<std::uint32_t>(a);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// A word as a float in [0, 1), 24 bits: what row programs compare with a probability.
CANDOR_HD constexpr float unit_float(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

/// Two words as two independent standard normal floats, |z| < 6.8 (Box and Muller).
struct normal_pair {
  float first, second;
};
CANDOR_HD inline normal_pair normals(std::uint32_t a, std::uint32_t b) {
  const float u = math::fma(static_cast<float>(a), 0x1p-32f, 0x1p-33f);  // (0, 1]
  const float radius = math::sqrt(-2.0f * math::log(u));
  const auto angle = math::sincos_of_turn(b);
  return {radius * angle.cosine, radius * angle.sine};
}

/// Where a random_stream stands; `counter` counts the words that were drawn.
struct random_state {
  std::uint64_t seed = 0, stream = 0, counter = 0;
  friend bool operator==(const random_state&, const random_state&) = default;
};

/// The stream of words named by (seed, stream). Streams of the same seed are independent: give each use its
/// own.
class random_stream {
 public:
  CANDOR_HD random_stream(std::uint64_t seed, std::uint64_t stream) : state_{seed, stream, 0} {}
  CANDOR_HD explicit random_stream(const random_state& state) { seek(state); }

  /// Block `counter` of the stream (words 4 counter ... 4 counter + 3); does not move the stream.
  CANDOR_HD uint32x4 at(std::uint64_t counter) const {
    return philox({{low(counter), high(counter), low(state_.stream), high(state_.stream)}}, low(state_.seed),
                  high(state_.seed));
  }

  CANDOR_HD const random_state& state() const { return state_; }
  CANDOR_HD void seek(const random_state& state) {
    state_ = state;
    block_ = at(state_.counter / 4);
  }

  CANDOR_HD std::uint32_t next_word() {
    if (state_.counter % 4 == 0) block_ = at(state_.counter / 4);
    return block_.word[state_.counter++ % 4];
  }
  CANDOR_HD std::uint64_t next_double_word() {
    const std::uint64_t first = next_word();
    return first | (std::uint64_t{next_word()} << 32);
  }

  /// In [0, 1) with 53 bits.
  CANDOR_HD double uniform() { return static_cast<double>(next_double_word() >> 11) * 0x1p-53; }
  /// Standard normal.
  CANDOR_HD float normal() {
    const std::uint32_t a = next_word();
    return normals(a, next_word()).first;
  }
  /// An integer in [0, n) without bias; n > 0.
  CANDOR_HD std::uint64_t below(std::uint64_t n) {
    const std::uint64_t biased = (0 - n) % n;  // 2^64 mod n words are drawn again
    std::uint64_t word = next_double_word();
    while (word < biased) word = next_double_word();
    return word % n;
  }

  /// A random order of the items (Fisher and Yates).
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  /// A random order of 0 ... n-1.
  std::vector<std::int64_t> permutation(std::int64_t n) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    shuffle(std::span(order));
    return order;
  }

 private:
  CANDOR_HD static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  CANDOR_HD static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

  random_state state_;
  uint32x4 block_{};
};

}  // namespace CANDOR_NS
