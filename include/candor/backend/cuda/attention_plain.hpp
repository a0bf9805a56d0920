// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the plain attention kernels share: they take any element type, any head size up to 128 and any
/// alignment, and compute in the accumulator's type (true fp32 for float). float and double are for parity
/// and for tests; bfloat16 comes here where its rows are not aligned. A block holds 16 rows of one side, 4 a
/// warp, and streams 32 rows of the other side at a time, one a lane.

#include <candor/backend/cuda/attention_call.hpp>
#include <candor/backend/cuda/lane.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS::device {

struct plain_tiles {
  static constexpr int warps = 4, threads = warps * warp_size;
  static constexpr int rows_of_warp = 4, rows = warps * rows_of_warp;  ///< that a block holds
  static constexpr int streamed = warp_size;                           ///< of the other side, at a time
  static constexpr int most_columns = 128, columns_of_lane = most_columns / warp_size;
};

/// Rows of one head in shared memory, in the accumulator's type. One element more a row, so that lanes which
/// read one column of 32 rows meet different banks.
template <class A>
struct plain_tile {
  shared_at base;
  int size;  ///< columns
  CANDOR_HD static std::uint32_t bytes(int rows, int size) {
    return static_cast<std::uint32_t>(rows * (size + 1) * static_cast<int>(sizeof(A)));
  }
  CANDOR_DEVICE shared_at at(int row, int column) const {
    return base + static_cast<shared_at>((row * (size + 1) + column) * static_cast<int>(sizeof(A)));
  }

  /// Copies rows [first, first + rows); zeros from `end` on. A barrier must follow.
  template <class T, class Lane>
  CANDOR_DEVICE void copy(const Lane& lane, strided_rows<const T> from, int column, int first, int end,
                          int rows) const {
    for (int n = lane.thread_index(); n < rows * size; n += plain_tiles::threads) {
      const int row = n / size, c = n % size;
      lane.write(at(row, c),
                 first + row < end ? static_cast<A>(lane.load(from.row(first + row) + column + c)) : A(0));
    }
  }

  /// Product of a row of this tile with a row of another.
  template <class Lane>
  CANDOR_DEVICE A dot(const Lane& lane, int row, const plain_tile& other, int other_row) const {
    A even = 0, odd = 0;  // two sums: shorter chains, and less rounding
    int c = 0;
    for (; c + 1 < size; c += 2) {
      even =
          math::fma(lane.template read<A>(at(row, c)), lane.template read<A>(other.at(other_row, c)), even);
      odd = math::fma(lane.template read<A>(at(row, c + 1)),
                      lane.template read<A>(other.at(other_row, c + 1)), odd);
    }
    if (c < size)
      even =
          math::fma(lane.template read<A>(at(row, c)), lane.template read<A>(other.at(other_row, c)), even);
    return even + odd;
  }
};

/// Numbers that a warp's lanes hand to each other, one a lane; sync_warp between writing and reading, both
/// ways.
template <class A>
struct warp_numbers {
  shared_at base;
  static constexpr std::uint32_t bytes = warp_size * sizeof(A);  ///< of a warp
  template <class Lane>
  CANDOR_DEVICE void write(const Lane& lane, A value) const {
    lane.write(at(lane.lane_index()), value);
  }
  template <class Lane>
  CANDOR_DEVICE A read(const Lane& lane, int i) const {
    return lane.template read<A>(at(i));
  }

 private:
  CANDOR_DEVICE shared_at at(int i) const {
    return base + static_cast<shared_at>(i * static_cast<int>(sizeof(A)));
  }
};

/// A row of sums over a warp: this lane's columns are its index, + 32, + 64, + 96.
template <class A>
struct plain_row {
  A at[plain_tiles::columns_of_lane] = {};

  template <class Lane>
  CANDOR_DEVICE void add(const Lane& lane, A factor, const plain_tile<A>& tile, int row) {
    CANDOR_UNROLL
    for (int i = 0; i < plain_tiles::columns_of_lane; ++i) {
      const int c = lane.lane_index() + i * warp_size;
      if (c < tile.size) at[i] = math::fma(factor, lane.template read<A>(tile.at(row, c)), at[i]);
    }
  }
  template <class T, class Lane>
  CANDOR_DEVICE void store(const Lane& lane, T* to, int size, A factor) const {
    CANDOR_UNROLL
    for (int i = 0; i < plain_tiles::columns_of_lane; ++i) {
      const int c = lane.lane_index() + i * warp_size;
      if (c < size) lane.store(to + c, static_cast<T>(factor * at[i]));
    }
  }
};

template <class A, class Lane>
CANDOR_DEVICE A warp_sum(const Lane& lane, A x) {
  CANDOR_UNROLL
  for (int mask = warp_size / 2; mask > 0; mask /= 2) x += lane.shuffle_xor(x, mask);
  return x;
}
template <class A, class Lane>
CANDOR_DEVICE A warp_max(const Lane& lane, A x) {
  CANDOR_UNROLL
  for (int mask = warp_size / 2; mask > 0; mask /= 2) {
    const A other = lane.shuffle_xor(x, mask);
    x = other > x ? other : x;
  }
  return x;
}

}  // namespace CANDOR_NS::device
