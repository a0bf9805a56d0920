// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of jpeg_entropy.hpp: Huffman decoding of all kinds of scans, keeping only which coefficients are
/// not zero, which is what refinement scans depend on.

#include <candor/core/error.hpp>
#include <candor/image/jpeg_entropy.hpp>

#include <algorithm>

namespace CANDOR_NS::detail {

/// A canonical Huffman code: by length, the first code beyond it (aligned to 16 bits) and where its symbols
/// lie.
struct jpeg_huffman {
  std::array<std::uint32_t, 17> limit{};
  std::array<int, 17> offset{};
  std::array<std::uint8_t, 256> symbol{};
};

CANDOR_INLINE jpeg_huffman read_huffman(std::span<const std::byte> counts,
                                        std::span<const std::byte> symbols) {
  jpeg_huffman table;
  std::uint32_t code = 0;
  int used = 0;
  for (std::size_t bits = 1; bits <= 16; ++bits) {
    const int count = static_cast<int>(counts[bits - 1]);
    code <<= 1;
    table.offset[bits] = used - static_cast<int>(code);
    code += static_cast<std::uint32_t>(count);
    used += count;
    table.limit[bits] = code << (16 - bits);
  }
  std::transform(symbols.begin(), symbols.end(), table.symbol.begin(),
                 [](std::byte b) { return static_cast<std::uint8_t>(b); });
  return table;
}

/// The bits of one scan's data; stops at markers.
struct jpeg_bits {
  std::span<const std::byte> bytes;
  std::string_view name;
  std::size_t at, end;
  std::uint64_t buffer = 0;  // the next bit is the highest
  int available = 0;
  std::int64_t block = 0;  // for messages

  [[noreturn]] void refuse(std::string_view what) const {
    fail<input_error>(name, ": byte ", at, ": the JPEG's pixel data ", what, " at block ", block,
                      "; the file is damaged, fetch it again");
  }
  void refill() {
    while (available <= 48 && at < end) {
      const auto byte = static_cast<std::uint64_t>(bytes[at]);
      std::size_t step = 1;
      if (byte == 0xFF) {
        std::size_t next = at + 1;
        while (next < end && bytes[next] == std::byte{0xFF}) ++next;
        if (next == end || bytes[next] != std::byte{0}) return;  // a marker
        step = next + 1 - at;
      }
      buffer |= byte << (56 - available);
      available += 8;
      at += step;
    }
  }
  void drop(int n) {
    if (n > available) refuse("ends too early,");
    buffer <<= n;
    available -= n;
  }
  int take(int n) {
    if (n == 0) return 0;
    if (available < n) refill();
    const int value = static_cast<int>(buffer >> (64 - n));
    drop(n);
    return value;
  }
  int symbol(const jpeg_huffman& table) {
    if (available < 16) refill();
    const auto window = static_cast<std::uint32_t>(buffer >> 48);
    for (std::size_t bits = 1; bits <= 16; ++bits)
      if (window < table.limit[bits]) {
        drop(static_cast<int>(bits));
        return table
            .symbol[static_cast<std::size_t>(static_cast<int>(window >> (16 - bits)) + table.offset[bits])];
      }
    if (available < 16) refuse("ends too early,");
    refuse("holds an impossible code");
  }
  /// Steps over the restart marker with this number, which must be next.
  void restart(int number) {
    refill();
    if (available >= 8) refuse("has stray bytes before a restart marker");
    while (at + 1 < end && bytes[at + 1] == std::byte{0xFF}) ++at;
    if (at + 1 >= end || static_cast<int>(bytes[at + 1]) != 0xD0 + number) refuse("lacks a restart marker");
    at += 2;
    buffer = 0;
    available = 0;
  }
};

/// One scan over its blocks.
struct jpeg_entropy_scan {
  jpeg_bits bits;
  jpeg_scan_header scan;
  bool progressive;
  int end_of_band_run = 0;

  void block(const jpeg_huffman& dc, const jpeg_huffman& ac, std::uint64_t& nonzero) {
    ++bits.block;
    if (!progressive) {
      dc_first(dc);
      ac_baseline(ac);
    } else if (scan.first == 0) {
      if (scan.high == 0)
        dc_first(dc);
      else
        bits.take(1);
    } else if (scan.high == 0) {
      ac_first(ac, nonzero);
    } else {
      ac_refine(ac, nonzero);
    }
  }
  void dc_first(const jpeg_huffman& table) {
    const int size = bits.symbol(table);
    if (size > 15) bits.refuse("holds an impossible DC value");
    bits.take(size);
  }
  void ac_baseline(const jpeg_huffman& table) {
    for (int k = 1; k < 64; ++k) {
      const int code = bits.symbol(table), run = code >> 4, size = code & 15;
      if (size == 0 && run < 15) return;
      k += run;
      if (size == 0) continue;
      if (k > 63) bits.refuse("runs beyond its last coefficient");
      bits.take(size);
    }
  }
  void ac_first(const jpeg_huffman& table, std::uint64_t& nonzero) {
    if (end_of_band_run > 0) {
      --end_of_band_run;
      return;
    }
    for (int k = scan.first; k <= scan.last; ++k) {
      const int code = bits.symbol(table), run = code >> 4, size = code & 15;
      if (size == 0 && run < 15) {
        end_of_band_run = (1 << run) - 1 + bits.take(run);
        return;
      }
      k += run;
      if (size == 0) continue;
      if (k > scan.last) bits.refuse("runs beyond its last coefficient");
      bits.take(size);
      nonzero |= std::uint64_t{1} << k;
    }
  }
  void ac_refine(const jpeg_huffman& table, std::uint64_t& nonzero) {
    const auto known = [&](int k) { return (nonzero >> k & 1u) != 0; };
    int k = scan.first;
    for (; end_of_band_run == 0 && k <= scan.last; ++k) {
      const int code = bits.symbol(table), size = code & 15;
      int run = code >> 4;
      if (size > 1) bits.refuse("holds an impossible refinement");
      if (size == 1) {
        bits.take(1);
      } else if (run < 15) {
        end_of_band_run = (1 << run) + bits.take(run);
        break;
      }
      for (; k <= scan.last; ++k) {
        if (known(k))
          bits.take(1);
        else if (--run < 0)
          break;
      }
      if (size == 1 && k > scan.last) bits.refuse("runs beyond its last coefficient");
      if (size == 1) nonzero |= std::uint64_t{1} << k;
    }
    if (end_of_band_run == 0) return;
    for (; k <= scan.last; ++k)
      if (known(k)) bits.take(1);
    --end_of_band_run;
  }
};

/// Blocks of one component: the padded grid of whole units.
struct jpeg_grid {
  std::int64_t across = 0, down = 0;   // blocks that hold pixels
  std::int64_t stride = 0;             // blocks a row, padded
  std::vector<std::uint64_t> nonzero;  // (rows, stride), a bit a coefficient
};

CANDOR_INLINE void check_jpeg_entropy(std::span<const std::byte> bytes, const jpeg_layout& layout,
                                      std::string_view name) {
  int h_max = 1, v_max = 1;
  for (const auto& c : layout.components) {
    h_max = std::max(h_max, c.h);
    v_max = std::max(v_max, c.v);
  }
  const auto cover = [](std::int64_t size, std::int64_t unit) { return (size + unit - 1) / unit; };
  const std::int64_t units_across = cover(layout.header.width, 8 * h_max),
                     units_down = cover(layout.header.height, 8 * v_max);
  std::vector<jpeg_grid> grids;
  for (const auto& c : layout.components) {
    jpeg_grid grid{cover(std::int64_t{layout.header.width} * c.h, 8 * h_max),
                   cover(std::int64_t{layout.header.height} * c.v, 8 * v_max),
                   units_across * c.h,
                   {}};
    const auto blocks = static_cast<std::size_t>(grid.stride * units_down * c.v);
    grid.nonzero.resize(layout.header.progressive ? blocks : 1);
    grids.push_back(std::move(grid));
  }
  std::array<jpeg_huffman, 4> dc{}, ac{};
  std::int64_t interval = 0;  // units between restart markers; 0 is none

  for (const auto& s : layout.segments) {
    if (s.marker == 0xDD)
      interval = static_cast<int>(bytes[s.begin]) << 8 | static_cast<int>(bytes[s.begin + 1]);
    if (s.marker == 0xC4) {
      for (std::size_t at = s.begin; at < s.end;) {
        const int head = static_cast<int>(bytes[at]);
        const auto counts = bytes.subspan(at + 1, 16);
        std::size_t total = 0;
        for (const auto count : counts) total += static_cast<std::size_t>(count);
        (head >> 4 == 0 ? dc : ac)[static_cast<std::size_t>(head & 15)] =
            read_huffman(counts, bytes.subspan(at + 17, total));
        at += 17 + total;
      }
    }
    if (s.marker != 0xDA) continue;
    jpeg_entropy_scan scan{{bytes, name, s.end, s.data_end},
                           read_scan_header(bytes, s, layout.components),
                           layout.header.progressive};
    const auto visit = [&](std::size_t i, std::int64_t x, std::int64_t y) {
      auto& grid = grids[static_cast<std::size_t>(scan.scan.index[i])];
      scan.block(dc[static_cast<std::size_t>(scan.scan.dc[i])], ac[static_cast<std::size_t>(scan.scan.ac[i])],
                 grid.nonzero[layout.header.progressive ? static_cast<std::size_t>(y * grid.stride + x) : 0]);
    };
    const bool single = scan.scan.count == 1;
    const auto& first = grids[static_cast<std::size_t>(scan.scan.index[0])];
    const std::int64_t across = single ? first.across : units_across,
                       units = across * (single ? first.down : units_down);
    for (std::int64_t unit = 0; unit < units; ++unit) {
      if (interval > 0 && unit > 0 && unit % interval == 0) {
        scan.bits.restart(static_cast<int>((unit / interval - 1) % 8));
        scan.end_of_band_run = 0;
      }
      const std::int64_t x = unit % across, y = unit / across;
      if (single) {
        visit(0, x, y);
        continue;
      }
      for (std::size_t i = 0; i < static_cast<std::size_t>(scan.scan.count); ++i) {
        const auto& c = layout.components[static_cast<std::size_t>(scan.scan.index[i])];
        for (int v = 0; v < c.v; ++v)
          for (int h = 0; h < c.h; ++h) visit(i, x * c.h + h, y * c.v + v);
      }
    }
  }
}

}  // namespace CANDOR_NS::detail
