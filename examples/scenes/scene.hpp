// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A scene: 2 or 3 things of known kind, colour and place, and its noisy picture of 48x48 pixels (3x3 cells
/// of 16). Everything is drawn from one counter-based stream, so scene i of a seed is the same on every
/// platform and needs no other scene: `draw_scene(seed, i)`. Also the per-pixel and per-patch labels that
/// teach the vision tower.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/image/decode.hpp>

#include <scenes/icons.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace scenes {

/// One thing in a scene. In a parsed caption an index may be -1: not said.
struct object {
  int kind = -1;     ///< 0..9
  int colour = -1;   ///< 0..5
  int cell = -1;     ///< 0..8, row by row
  int x = 0, y = 0;  ///< top left pixel of the icon; drawing only

  /// Equal as far as words can tell: kind, colour and cell.
  friend bool operator==(const object& a, const object& b) {
    return a.kind == b.kind && a.colour == b.colour && a.cell == b.cell;
  }
};

/// Known contents in reading order of their cells (kinds and cells are distinct), and the picture.
struct scene {
  std::vector<object> objects;
  candor::image picture;  // 48 x 48

  /// The thing of that kind, or null.
  const object* find(int kind) const {
    const auto at =
        std::find_if(objects.begin(), objects.end(), [&](const object& o) { return o.kind == kind; });
    return at == objects.end() ? nullptr : &*at;
  }
  /// The thing in that cell, or null.
  const object* at(int cell) const {
    const auto at =
        std::find_if(objects.begin(), objects.end(), [&](const object& o) { return o.cell == cell; });
    return at == objects.end() ? nullptr : &*at;
  }
};

/// Uniform in [0, n).
inline int below(candor::random_stream& dice, int n) {
  return static_cast<int>(dice.below(static_cast<std::uint64_t>(n)));
}
/// Uniform in [low, high].
inline int between(candor::random_stream& dice, int low, int high) {
  return low + below(dice, high - low + 1);
}
inline bool chance(candor::random_stream& dice, double p) { return dice.uniform() < p; }

/// `count` distinct numbers of [0, n), in random order.
inline std::vector<int> choose(candor::random_stream& dice, int n, int count) {
  const auto order = dice.permutation(n);
  return {order.begin(), order.begin() + count};
}

/// Draws a scene. Background: grey 15..74 + -8..8 a channel; a thing: its colour + -15..15, one draw a thing,
/// laid over the background by coverage at offset 2 + -2..2 in its cell; then Gaussian noise, sd 8, rounded
/// and clamped.
inline scene draw_scene(candor::random_stream& dice) {
  scene out;
  const int count = between(dice, 2, 3);
  const auto kinds = choose(dice, kind_count, count);
  auto cells = choose(dice, cell_count, count);
  std::sort(cells.begin(), cells.end());

  std::array<double, 3> ground{};
  const int grey = between(dice, 15, 74);
  for (auto& channel : ground) channel = grey + between(dice, -8, 8);
  constexpr auto side = static_cast<std::size_t>(picture_size);
  std::vector<double> pixels(side * side * 3);  // (48, 48, 3)
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = ground[i % 3];

  for (std::size_t i = 0; i < kinds.size(); ++i) {
    object o{.kind = kinds[i], .colour = below(dice, colour_count), .cell = cells[i]};
    o.x = o.cell % grid_size * cell_size + 2 + between(dice, -2, 2);
    o.y = o.cell / grid_size * cell_size + 2 + between(dice, -2, 2);
    const int shade = between(dice, -15, 15);
    for (int y = 0; y < icon_size; ++y)
      for (int x = 0; x < icon_size; ++x) {
        const double alpha = coverage(o.kind, x, y) / 4.0;
        double* pixel =
            &pixels[(static_cast<std::size_t>(o.y + y) * side + static_cast<std::size_t>(o.x + x)) * 3];
        for (std::size_t c = 0; c < 3; ++c)
          pixel[c] += alpha * (colour_values[static_cast<std::size_t>(o.colour)][c] + shade - pixel[c]);
      }
    out.objects.push_back(o);
  }

  out.picture.width = out.picture.height = picture_size;
  out.picture.rgb.resize(pixels.size());
  const auto quantise = [](double v) {
    return static_cast<std::uint8_t>(std::clamp(std::rint(v), 0.0, 255.0));
  };
  for (std::size_t i = 0; i < pixels.size(); i += 2) {  // an even count
    const std::uint32_t word = dice.next_word();
    const auto noise = candor::normals(word, dice.next_word());
    out.picture.rgb[i] = quantise(pixels[i] + 8.0 * noise.first);
    out.picture.rgb[i + 1] = quantise(pixels[i + 1] + 8.0 * noise.second);
  }
  return out;
}

/// Scene `index` of a seed.
inline scene draw_scene(std::uint64_t seed, std::uint64_t index) {
  candor::random_stream dice(seed, index);
  return draw_scene(dice);
}

/// Which thing a pixel shows, where it covers more than half of it: index + 1, or 0 for none; each (48 x 48).
struct label_maps {
  std::vector<std::uint8_t> kind, colour, cell;
};

inline label_maps label_pixels(const scene& s) {
  constexpr auto side = static_cast<std::size_t>(picture_size);
  label_maps out;
  for (auto* map : {&out.kind, &out.colour, &out.cell}) map->assign(side * side, 0);
  for (const object& o : s.objects)
    for (int y = 0; y < icon_size; ++y)
      for (int x = 0; x < icon_size; ++x) {
        if (coverage(o.kind, x, y) <= 2) continue;
        const std::size_t at = static_cast<std::size_t>(o.y + y) * side + static_cast<std::size_t>(o.x + x);
        out.kind[at] = static_cast<std::uint8_t>(o.kind + 1);
        out.colour[at] = static_cast<std::uint8_t>(o.colour + 1);
        out.cell[at] = static_cast<std::uint8_t>(o.cell + 1);
      }
  return out;
}

/// One label a patch, (48 / patch)^2 in reading order: the label (not 0) of most pixels, the lower one at a
/// tie, if it covers at least an eighth of the patch, else 0. Things cross patch borders, so that small rests
/// are left out.
inline std::vector<int> label_patches(std::span<const std::uint8_t> map, int patch = 12) {
  candor::require<candor::usage_error>(patch > 0 && picture_size % patch == 0, "patches of ", patch,
                                       " pixels do not tile a picture of ", picture_size);
  const int across = picture_size / patch;
  std::vector<int> out;
  for (int row = 0; row < across; ++row)
    for (int column = 0; column < across; ++column) {
      std::array<int, 256> counts{};
      for (int y = 0; y < patch; ++y)
        for (int x = 0; x < patch; ++x)
          ++counts[map[static_cast<std::size_t>((row * patch + y) * picture_size + column * patch + x)]];
      const auto most = std::max_element(counts.begin() + 1, counts.end());
      out.push_back(*most * 8 >= patch * patch ? static_cast<int>(most - counts.begin()) : 0);
    }
  return out;
}

}  // namespace scenes
