// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A row program as a kernel: which team gets a row, and how many blocks share the rows.

#include <candor/backend/cuda/lane.hpp>
#include <candor/backend/cuda/team.hpp>

#include <algorithm>
#include <cstdint>

namespace CANDOR_NS::device {

/// Narrow rows: a warp each, four in a block.
template <class Program>
struct warp_rows_kernel {
  static constexpr int threads = 128;
  static constexpr int rows_at_once = threads / warp_size;  // of a block
  static constexpr std::uint32_t shared_bytes = 0;
  Program program;
  std::int64_t count;  // rows

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const warp_team<Lane> team(lane);
    const std::int64_t first = std::int64_t{lane.block_index(0)} * rows_at_once + lane.warp_index();
    const std::int64_t step = std::int64_t{lane.grid_size(0)} * rows_at_once;
    for (std::int64_t row = first; row < count; row += step) program(team, row);
  }
};

/// Wide rows: a block each.
template <class Program>
struct block_rows_kernel {
  static constexpr int threads = 256;
  static constexpr int rows_at_once = 1;
  static constexpr std::uint32_t shared_bytes = block_team<int>::shared_bytes;
  Program program;
  std::int64_t count;  // rows

  template <class Lane>
  CANDOR_DEVICE void operator()(const Lane& lane) const {
    const block_team<Lane> team(lane);
    for (std::int64_t row = lane.block_index(0); row < count; row += lane.grid_size(0)) program(team, row);
  }
};

/// Work of a row, in elements, from which on a block takes it. Rows of the tower (3 x 1,024) leave half of a block's
/// threads without a pack of their own.
inline constexpr std::int64_t wide_row = 8192;

/// Whether rows of this width take a block.
constexpr bool takes_block(std::int64_t width) { return width >= wide_row; }

/// Blocks of a launch: one for each group of rows, at most what a grid's first axis holds.
constexpr std::int64_t row_blocks(std::int64_t rows, int rows_at_once) {
  return std::min<std::int64_t>((rows + rows_at_once - 1) / rows_at_once, (std::int64_t{1} << 31) - 1);
}

}  // namespace CANDOR_NS::device
