// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The first pass of attention backward: for each query row and head the sum of out * d_out, beside lse in
/// the unit that the other passes want. Rows of padding get an infinite lse, so that all their weights are 0.

#include <candor/backend/cuda/attention_call.hpp>
#include <candor/core/bits.hpp>

namespace CANDOR_NS::device {

/// `Chunk`: elements that a lane reads at once, 8 of bfloat16 where rows are aligned, else 1.
template <class T, int Chunk>
struct row_statistics_kernel {
  using A = accumulator_t<T>;
  static constexpr int threads = 128, lanes_of_row = 16, rows_at_once = threads / lanes_of_row;
  static constexpr int rows = query_block;  ///< of a block

  head_shape heads;
  std::int32_t tokens;
  attention_tensors<T> x;
  row_statistics<A> statistics;
  A lse_unit;  ///< multiplies lse

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const int head = lane.block_index(1), place = lane.thread_index() % lanes_of_row;
    for (int i = 0; i < rows / rows_at_once; ++i) {
      const std::int32_t row =
          lane.block_index(0) * rows + i * rows_at_once + lane.thread_index() / lanes_of_row;
      A sum = 0;
      if (row < tokens)
        for (int c = place * Chunk; c < heads.size; c += lanes_of_row * Chunk)
          sum +=
              product(lane, x.out.row(row) + head * heads.size + c, x.d_out.row(row) + head * heads.size + c);
      for (int mask = lanes_of_row / 2; mask > 0; mask /= 2) sum += lane.shuffle_xor(sum, mask);
      if (place != 0) continue;
      lane.store(statistics.dot(head) + row, sum);
      lane.store(statistics.lse(head) + row, row < tokens ? lse_unit * lane.load(x.lse.row(head) + row)
                                                          : static_cast<A>(__builtin_inff()));
    }
  }

 private:
  template <class Lane>
  CANDOR_DEVICE A product(const Lane& lane, const T* a, const T* b) const {
    if constexpr (Chunk == 1) {
      return static_cast<A>(lane.load(a)) * static_cast<A>(lane.load(b));
    } else {
      const auto wide_a = lane.load(reinterpret_cast<const sixteen_bytes*>(a)),
                 wide_b = lane.load(reinterpret_cast<const sixteen_bytes*>(b));
      A sum = 0;
      CANDOR_UNROLL
      for (int i = 0; i < 4; ++i)
        sum += low(wide_a.word[i]) * low(wide_b.word[i]) + high(wide_a.word[i]) * high(wide_b.word[i]);
      return sum;
    }
  }
  CANDOR_DEVICE static float low(std::uint32_t two) { return bit_cast<float>(two << 16); }
  CANDOR_DEVICE static float high(std::uint32_t two) { return bit_cast<float>(two & 0xffff0000u); }
};

}  // namespace CANDOR_NS::device
