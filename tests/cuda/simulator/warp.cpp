// SPDX-License-Identifier: Apache-2.0
// Branches, barriers and what the lanes of a warp do together.
#include "cuda/simulator/operations.hpp"

#include <array>
#include <bit>

namespace simulator {
namespace {

void branch(thread& t, const instruction& i) { t.next = t.body->code.data() + i.target; }
void end(thread& t, const instruction&) {
  if (!t.open_copies.empty() || !t.open_groups.empty())
    throw device_fault("the thread ends with asynchronous copies that it has not waited for");
  t.state = standing::ended;
}
void wait_for_block(thread& t, const instruction& i) {
  if (get<std::uint32_t>(t, i, 0) != 0) throw device_fault("a barrier other than 0 is not simulated");
  t.waits_at = &i;
  t.state = standing::waits_for_block;
}
void wait_for_warp(thread& t, const instruction& i) {
  t.waits_at = &i;
  t.state = standing::waits_for_warp;
}

void meet(const warp_of_threads& warp, const instruction&) {
  for (thread* t : warp.lanes) ++t->who.warp_barriers;
}

enum class direction { up, down, cross, index };
// d|p, a, b, c, mask
template <direction way>
void shuffle(const warp_of_threads& warp, const instruction& i) {
  std::array<std::uint32_t, warp_size> values{};
  for (int lane = 0; lane < warp_size; ++lane)
    values[static_cast<std::size_t>(lane)] = get<std::uint32_t>(*warp.lanes[lane], i, 2);
  for (int lane = 0; lane < warp_size; ++lane) {
    thread& t = *warp.lanes[lane];
    const int b = static_cast<int>(get<std::uint32_t>(t, i, 3) & 31u);
    const auto c = get<std::uint32_t>(t, i, 4);
    const int segment = static_cast<int>(c >> 8 & 31u), clamp = static_cast<int>(c & 31u);
    const int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
    int from = way == direction::up      ? lane - b
               : way == direction::down  ? lane + b
               : way == direction::cross ? lane ^ b
                                         : first | (b & ~segment);
    const bool inside = way == direction::up ? from >= last : from <= last;
    if (!inside) from = lane;
    put<std::uint32_t>(t, i, 0, values[static_cast<std::size_t>(from)]);
    put<slot>(t, i, 1, slot{inside});
  }
}

/// Four matrices of 8 x 8 numbers of two bytes; lane n has the address of row n % 8 of matrix n / 8. Each
/// lane gets two neighbours of a row, or of a column.
template <bool transposed>
void load_matrices(const warp_of_threads& warp, const instruction& i) {
  std::array<std::array<std::uint16_t, 8>, warp_size> rows{};
  for (int lane = 0; lane < warp_size; ++lane) {
    const thread& t = *warp.lanes[lane];
    const auto at =
        static_cast<std::uint32_t>(get<std::uint32_t>(t, i, 4) + static_cast<std::uint64_t>(i.offset));
    t.home->shared->touch(at, 16, false, t.who);
    std::memcpy(rows[static_cast<std::size_t>(lane)].data(), t.home->shared->data() + at, 16);
  }
  for (std::size_t lane = 0; lane < warp_size; ++lane)
    for (std::size_t m = 0; m < 4; ++m) {
      const std::size_t a = lane / 4, b = lane % 4 * 2;
      const std::uint32_t low = transposed ? rows[8 * m + b][a] : rows[8 * m + a][b];
      const std::uint32_t high = transposed ? rows[8 * m + b + 1][a] : rows[8 * m + a][b + 1];
      put<std::uint32_t>(*warp.lanes[lane], i, static_cast<int>(m), high << 16 | low);
    }
}

float widened(std::uint32_t pair, std::size_t half) {
  return std::bit_cast<float>(half == 0 ? pair << 16 : pair & 0xffff0000u);
}

/// d (16 x 8) = a (16 x 16) b (16 x 8) + c, of bfloat16 with sums in float. Operands: d[4], a[4], b[2], c[4].
void multiply_add(const warp_of_threads& warp, const instruction& i) {
  float a[16][16], b[16][8], d[16][8];
  for (std::size_t lane = 0; lane < warp_size; ++lane) {
    const thread& t = *warp.lanes[lane];
    const std::size_t group = lane / 4, pair = lane % 4 * 2;
    for (std::size_t half = 0; half < 2; ++half) {
      for (std::size_t n = 0; n < 4; ++n)
        a[group + 8 * (n % 2)][pair + half + 8 * (n / 2)] =
            widened(get<std::uint32_t>(t, i, 4 + static_cast<int>(n)), half);
      for (std::size_t n = 0; n < 2; ++n)
        b[pair + half + 8 * n][group] = widened(get<std::uint32_t>(t, i, 8 + static_cast<int>(n)), half);
    }
  }
  for (std::size_t lane = 0; lane < warp_size; ++lane)
    for (std::size_t n = 0; n < 4; ++n)
      d[lane / 4 + 8 * (n / 2)][lane % 4 * 2 + n % 2] =
          get<float>(*warp.lanes[lane], i, 10 + static_cast<int>(n));
  for (std::size_t row = 0; row < 16; ++row)
    for (std::size_t k = 0; k < 16; ++k)
      for (std::size_t col = 0; col < 8; ++col) d[row][col] += a[row][k] * b[k][col];
  for (std::size_t lane = 0; lane < warp_size; ++lane)
    for (std::size_t n = 0; n < 4; ++n)
      put<float>(*warp.lanes[lane], i, static_cast<int>(n), d[lane / 4 + 8 * (n / 2)][lane % 4 * 2 + n % 2]);
}

}  // namespace

void add_control(vocabulary& v) {
  v["bra"] = v["bra.uni"] = {.run = branch, .operands = 1};
  v["ret"] = {.run = end, .operands = 0};
  v["bar.sync"] = {.run = wait_for_block, .operands = 1};
}

void add_warp(vocabulary& v) {
  const auto together = [&](const std::string& name, collective what, int operands, int mask_operand) {
    v[name] = {.run = wait_for_warp, .together = what, .operands = operands, .mask_operand = mask_operand};
  };
  together("bar.warp.sync", meet, 1, 0);
  together("shfl.sync.up.b32", shuffle<direction::up>, 5, 5);
  together("shfl.sync.down.b32", shuffle<direction::down>, 5, 5);
  together("shfl.sync.bfly.b32", shuffle<direction::cross>, 5, 5);
  together("shfl.sync.idx.b32", shuffle<direction::index>, 5, 5);
  together("ldmatrix.sync.aligned.m8n8.x4.shared.b16", load_matrices<false>, 2, -1);
  together("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16", load_matrices<true>, 2, -1);
  together("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", multiply_add, 4, -1);
}

}  // namespace simulator
