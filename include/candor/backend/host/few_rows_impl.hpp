// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Products of a few rows with a weight, c = [c +] a b^T, as decoding has them: the weight is read once where
/// it lies and nothing is packed. Every element of c is a sum in the same order whatever the number of rows,
/// so the next token of a text does not depend on how many others are written beside it.

#include <candor/backend/host/matmul.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace CANDOR_NS::detail {

/// Sixteen partial sums; a register with AVX-512, several elsewhere.
using sum_lanes = float __attribute__((vector_size(64)));
inline constexpr std::int64_t lane_count = 16;

CANDOR_ALWAYS_INLINE void load_lanes(sum_lanes& to, const float* from) { std::memcpy(&to, from, sizeof(to)); }
/// The last `count` elements of a row, and zeros.
CANDOR_ALWAYS_INLINE void load_lanes(sum_lanes& to, const float* from, std::int64_t count) {
  float padded[lane_count] = {};
  std::copy_n(from, count, padded);
  load_lanes(to, padded);
}

/// The sum of each vector's lanes: halves on halves, four vectors at the same time where there are four.
template <int N>
CANDOR_ALWAYS_INLINE void add_lanes(float (&total)[N], const sum_lanes (&sums)[N]) {
  using eight = float __attribute__((vector_size(32)));
  using four = float __attribute__((vector_size(16)));
  four t[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    eight low, high;
    std::memcpy(&low, &sums[n], sizeof(low));
    std::memcpy(&high, reinterpret_cast<const char*>(&sums[n]) + sizeof(low), sizeof(high));
    low += high;
    four first, second;
    std::memcpy(&first, &low, sizeof(first));
    std::memcpy(&second, reinterpret_cast<const char*>(&low) + sizeof(first), sizeof(second));
    t[n] = first + second;
  }
  if constexpr (N == 4) {
    const four u =
        __builtin_shufflevector(t[0], t[1], 0, 4, 1, 5) + __builtin_shufflevector(t[0], t[1], 2, 6, 3, 7);
    const four v =
        __builtin_shufflevector(t[2], t[3], 0, 4, 1, 5) + __builtin_shufflevector(t[2], t[3], 2, 6, 3, 7);
    const four all = __builtin_shufflevector(u, v, 0, 1, 4, 5) + __builtin_shufflevector(u, v, 2, 3, 6, 7);
    std::memcpy(total, &all, sizeof(all));
  } else {
    for (int n = 0; n < N; ++n) total[n] = (t[n][0] + t[n][2]) + (t[n][1] + t[n][3]);
  }
}

/// M rows of a with N rows of b: (M, N) of c.
template <int M, int N>
void few_rows_tile(const product<float, float>& p, std::int64_t row, std::int64_t column) {
  const float* a = p.a + row * p.lda;
  const float* b = p.b + column * p.ldb;
  sum_lanes sums[M][N] = {}, x[M], y;
  const std::int64_t whole = p.k / lane_count * lane_count, rest = p.k - whole;
  for (std::int64_t k = 0; k < whole; k += lane_count) {
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) load_lanes(x[m], a + m * p.lda + k);
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      load_lanes(y, b + n * p.ldb + k);
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) sums[m][n] += x[m] * y;
    }
  }
  if (rest > 0)
    for (int n = 0; n < N; ++n) {
      load_lanes(y, b + n * p.ldb + whole, rest);
      for (int m = 0; m < M; ++m) {
        load_lanes(x[m], a + m * p.lda + whole, rest);
        sums[m][n] += x[m] * y;
      }
    }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
    float total[N];
    add_lanes(total, sums[m]);
    float* out = p.c + (row + m) * p.ldc + column;
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) out[n] = p.accumulate ? out[n] + total[n] : total[n];
  }
}

/// All rows with N rows of b, which stay in the cache.
template <int N>
void few_rows_columns(const product<float, float>& p, std::int64_t column) {
  constexpr std::int64_t tile = 6;
  const std::int64_t tiles = (p.m + tile - 1) / tile;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t row = p.m * t / tiles;
    switch (p.m * (t + 1) / tiles - row) {
      case 1: few_rows_tile<1, N>(p, row, column); break;
      case 2: few_rows_tile<2, N>(p, row, column); break;
      case 3: few_rows_tile<3, N>(p, row, column); break;
      case 4: few_rows_tile<4, N>(p, row, column); break;
      case 5: few_rows_tile<5, N>(p, row, column); break;
      default: few_rows_tile<6, N>(p, row, column);
    }
  }
}

CANDOR_INLINE void multiply_few_rows(const product<float, float>& p) {
  constexpr int columns = 4;
  std::int64_t n = 0;
  for (; n + columns <= p.n; n += columns) few_rows_columns<columns>(p, n);
  for (; n < p.n; ++n) few_rows_columns<1>(p, n);
}

}  // namespace CANDOR_NS::detail
