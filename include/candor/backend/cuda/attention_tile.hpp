// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Tiles of bfloat16 rows in shared memory, and the two products that attention makes of them with tensor
/// cores. A row has `Width` elements (a head's size, padded with zeros), cut into chunks of 16 bytes. Chunks
/// of a row change places by the number of the row, so that eight rows of one chunk column, which load_matrix
/// reads at once, lie in different banks.

#include <candor/backend/cuda/attention_call.hpp>
#include <candor/backend/cuda/lane.hpp>
#include <candor/core/scalar.hpp>

namespace CANDOR_NS::device {

/// 16 rows as the left operand of products: (16, 16) for each 16 columns.
template <int Width>
struct row_fragments {
  std::uint32_t at[Width / 16][4];
};

template <int Width>
struct attention_tile {
  static_assert(Width % 32 == 0 && Width <= 128);
  static constexpr int chunks = Width / 8;
  static constexpr std::uint32_t row_bytes = 2 * Width;
  CANDOR_HD static constexpr std::uint32_t bytes(int rows) {
    return static_cast<std::uint32_t>(rows) * row_bytes;
  }

  shared_at base;  ///< a multiple of 256

  CANDOR_DEVICE shared_at chunk(int row, int column) const {
    const int moved = chunks % 8 == 0 ? column ^ (row & 7) : column ^ (row >> 1 & 3);
    return base + static_cast<shared_at>((row * chunks + moved) * 16);
  }
  /// The chunk `columns` (even) further right in the row of a chunk of column 0 or 1. A lane finds one chunk
  /// by multiplying, and all others that it reads from there: an exclusive or in the row, a constant down the
  /// rows, since every eighth row changes places alike.
  CANDOR_DEVICE static shared_at right_of(shared_at chunk, int columns) {
    const auto c = static_cast<shared_at>(columns);
    return chunks % 8 == 0 ? chunk ^ 16 * c : (chunk ^ 16 * (c & 2)) + 16 * (c & ~3u);
  }
  CANDOR_DEVICE static shared_at below(shared_at chunk, int rows) {
    return chunk + static_cast<shared_at>(rows) * row_bytes;
  }

  /// Starts copying rows [first, first + Rows) of one head (Rows, size); what lies beyond `end` or `size`
  /// becomes zero. A thread keeps to one column of chunks and to rows of the same place among eight, so it
  /// finds its addresses once.
  template <int Rows, int Threads, class Lane>
  CANDOR_DEVICE void copy(const Lane& lane, strided_rows<const bfloat16> from, int column, int first, int end,
                          int size) const {
    constexpr int across = chunks > 8 ? 16 : 8, down = Threads / across;
    static_assert(Rows % down == 0 && down % 8 == 0);
    const int c = lane.thread_index() % across, row = lane.thread_index() / across;
    if (c >= chunks) return;
    const bfloat16* p = from.row(first + row) + column + 8 * c;
    const int rows_left = 8 * c < size ? end - first - row : 0;
    CANDOR_UNROLL
    for (int i = 0; i < Rows; i += down, p += down * from.stride)
      lane.copy_async(below(chunk(row, c), i), p, i < rows_left);
  }

  /// Rows [first, first + 16), columns [16 k, 16 k + 16) as a left operand.
  template <class Lane>
  CANDOR_DEVICE void load_left(const Lane& lane, std::uint32_t (&a)[4], int first, int k) const {
    const int l = lane.lane_index();
    lane.load_matrix(a, below(right_of(chunk(l % 16, l / 16), 2 * k), first));
  }
  template <class Lane>
  CANDOR_DEVICE void load_left(const Lane& lane, row_fragments<Width>& a, int first) const {
    CANDOR_UNROLL
    for (int k = 0; k < Width / 16; ++k) load_left(lane, a.at[k], first, k);
  }

  /// c (16, 8 N) += a (16, 16) times the transpose of this tile's rows [first, first + 8 N), columns [16 k,
  /// 16 k + 16).
  template <int N, class Lane>
  CANDOR_DEVICE void add_scores(const Lane& lane, float (&c)[N][4], const std::uint32_t (&a)[4], int first,
                                int k) const {
    const int l = lane.lane_index();
    CANDOR_UNROLL
    for (int n = 0; n < N; n += 2) {
      std::uint32_t b[4];
      lane.load_matrix(b, below(right_of(chunk(l % 8 + 8 * (l / 16), l / 8 % 2), 2 * k), first + 8 * n));
      lane.multiply_add(c[n], a, {b[0], b[1]});
      lane.multiply_add(c[n + 1], a, {b[2], b[3]});
    }
  }

  /// c (16, Width) += a (16, 16) times this tile's rows [first, first + 16).
  template <class Lane>
  CANDOR_DEVICE void add_weighted(const Lane& lane, float (&c)[Width / 8][4], const std::uint32_t (&a)[4],
                                  int first) const {
    const int l = lane.lane_index();
    CANDOR_UNROLL
    for (int n = 0; n < Width / 8; n += 2) {
      std::uint32_t b[4];
      lane.load_matrix_transposed(b, below(right_of(chunk(l % 16, l / 16), n), first));
      lane.multiply_add(c[n], a, {b[0], b[1]});
      lane.multiply_add(c[n + 1], a, {b[2], b[3]});
    }
  }
};

/// Two stages of shared memory, each with a block of keys and of values: one is used while the other one
/// fills.
template <int Width>
struct key_stages {
  using tile = attention_tile<Width>;
  static constexpr std::uint32_t stage_bytes = 2 * tile::bytes(key_block), bytes = 2 * stage_bytes;

  CANDOR_DEVICE static tile keys(int stage) { return {static_cast<shared_at>(stage) * stage_bytes}; }
  CANDOR_DEVICE static tile values(int stage) { return {keys(stage).base + tile::bytes(key_block)}; }

  /// Starts filling a stage with rows [first, first + key_block), as a group of copies.
  template <int Threads, class Lane>
  CANDOR_DEVICE static void copy(const Lane& lane, int stage, strided_rows<const bfloat16> k,
                                 strided_rows<const bfloat16> v, int column, int first, int end, int size) {
    keys(stage).template copy<key_block, Threads>(lane, k, column, first, end, size);
    values(stage).template copy<key_block, Threads>(lane, v, column, first, end, size);
    lane.commit_copies();
  }
};

/// Results (16, 16) of a product, rounded to bfloat16, as the left operand of another: the registers fit as
/// they are.
template <class Lane>
CANDOR_DEVICE void as_left(const Lane& lane, std::uint32_t (&a)[4], const float (&c)[4],
                           const float (&right)[4]) {
  a[0] = lane.pack_bfloat16(c[0], c[1]);
  a[1] = lane.pack_bfloat16(c[2], c[3]);
  a[2] = lane.pack_bfloat16(right[0], right[1]);
  a[3] = lane.pack_bfloat16(right[2], right[3]);
}

/// Writes factor * c, rows [first, end) of a warp's 16 at `first`, columns [0, size) from `column`.
template <int Width, class Lane>
CANDOR_DEVICE void store_rows(const Lane& lane, strided_rows<bfloat16> to, int column, int first, int end,
                              int size, const float (&c)[Width / 8][4], const float (&factor)[2]) {
  const int g = lane.lane_index() / 4, t = lane.lane_index() % 4;
  CANDOR_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int row = first + g + 8 * half;
    if (row >= end) continue;
    bfloat16* p = to.row(row) + column + 2 * t;
    CANDOR_UNROLL
    for (int n = 0; n < Width / 8; ++n)
      if (8 * n < size)
        lane.store(reinterpret_cast<std::uint32_t*>(p + 8 * n),
                   lane.pack_bfloat16(factor[half] * c[n][2 * half], factor[half] * c[n][2 * half + 1]));
  }
}

/// Over the four lanes that hold a row.
template <class Lane>
CANDOR_DEVICE float row_max(const Lane& lane, float x) {
  x = fmaxf(x, lane.shuffle_xor(x, 1));
  return fmaxf(x, lane.shuffle_xor(x, 2));
}
template <class Lane>
CANDOR_DEVICE float row_sum(const Lane& lane, float x) {
  x += lane.shuffle_xor(x, 1);
  return x + lane.shuffle_xor(x, 2);
}

inline constexpr float log2_e = 1.44269504f;

}  // namespace CANDOR_NS::device
