// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <scenes/scene.hpp>

#include <cmath>
#include <set>

using namespace scenes;

namespace {

std::uint64_t fnv1a(const std::vector<std::uint8_t>& bytes, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (const auto b : bytes) hash = (hash ^ b) * 0x100000001b3u;
  return hash;
}

}  // namespace

TEST_CASE("an icon's table is its closed form, sampled four times a pixel", "[scenes][icons]") {
  const auto disc = [](double x, double y, double r) { return std::hypot(x, y) < r; };
  const auto inside = [&](int kind, double x, double y) {
    const double r = std::hypot(x, y);
    switch (kind) {
      case sun: return r < 3.2 || (r < 5.9 && std::cos(8 * std::atan2(y, x)) > 0.55 && r > 4.0);
      case moon: return r < 5.5 && std::hypot(x - 2.8, y + 1) > 4.6;
      case star: {
        const double turn = std::atan2(x, -y) / (2 * std::acos(-1.0) / 5);
        return r < 5.8 * (1 - 1.15 * std::abs(turn - std::nearbyint(turn)));
      }
      case cloud: return disc(x + 2.6, y - 1, 2.7) || disc(x - 2.6, y - 1, 2.9) || disc(x, y + 0.9, 3.0);
      case tree:
        return (-5.8 < y && y < 2.5 && std::abs(x) < (y + 5.8) * 0.55) ||
               (2.5 <= y && y < 5.8 && std::abs(x) < 1.1);
      case house:
        return (-5.8 < y && y < -1 && std::abs(x) < (y + 5.8) * 1.15) ||
               (-1 <= y && y < 5.5 && std::abs(x) < 4.2 && !(std::abs(x) < 1.1 && y > 1.5));
      case boat:
        return (1.6 < y && y < 5 && std::abs(x) < 5.8 - (y - 1.6) * 0.9) ||
               (-5.6 < y && y < 1.0 && -0.6 < x && x < (y + 5.6) * 0.62);
      case fish:
        return std::pow((x + 1) / 4.2, 2) + std::pow(y / 2.9, 2) < 1 ||
               (2.2 < x && x < 5.6 && std::abs(y) < (x - 1.6) * 0.9);
      case ball: return r < 5.0;
      default:
        return std::abs(x) / 3.6 + std::abs(y + 1.2) / 4.6 < 1 ||
               (3 < y && y < 5.9 && std::abs(x - std::sin(y * 2)) < 0.8);
    }
  };
  for (int kind = 0; kind < kind_count; ++kind)
    for (int y = 0; y < icon_size; ++y)
      for (int x = 0; x < icon_size; ++x) {
        int quarters = 0;
        for (const double dy : {0.25, 0.75})
          for (const double dx : {0.25, 0.75}) quarters += inside(kind, x + dx - 6, y + dy - 6) ? 1 : 0;
        INFO(kind_names[kind] << " at " << x << ", " << y);
        CHECK(coverage(kind, x, y) == quarters);
      }
}

TEST_CASE("a scene is two or three distinct things in distinct cells, in reading order", "[scenes][scene]") {
  int threes = 0;
  std::array<int, kind_count> kinds{};
  std::array<int, colour_count> colours{};
  std::array<int, cell_count> cells{};
  constexpr int n = 6000;
  for (int i = 0; i < n; ++i) {
    const scene s = draw_scene(1, static_cast<std::uint64_t>(i));
    REQUIRE((s.objects.size() == 2 || s.objects.size() == 3));
    threes += s.objects.size() == 3 ? 1 : 0;
    std::set<int> seen;
    for (std::size_t j = 0; j < s.objects.size(); ++j) {
      const object& o = s.objects[j];
      ++kinds.at(static_cast<std::size_t>(o.kind));
      ++colours.at(static_cast<std::size_t>(o.colour));
      ++cells.at(static_cast<std::size_t>(o.cell));
      REQUIRE(seen.insert(o.kind).second);
      if (j > 0) REQUIRE(o.cell > s.objects[j - 1].cell);
      REQUIRE(s.find(o.kind) == &o);
      REQUIRE(s.at(o.cell) == &o);
      // The icon stays in its cell: offset 0..4, 12 pixels of 16.
      REQUIRE(o.x - o.cell % 3 * 16 >= 0);
      REQUIRE(o.x - o.cell % 3 * 16 <= 4);
      REQUIRE(o.y - o.cell / 3 * 16 >= 0);
      REQUIRE(o.y - o.cell / 3 * 16 <= 4);
    }
  }
  // 2.5 things a scene; bounds are five standard deviations of a binomial count.
  const auto near = [](int count, double trials, double p) {
    return std::abs(count - trials * p) < 5 * std::sqrt(trials * p * (1 - p));
  };
  CHECK(near(threes, n, 0.5));
  for (const int c : kinds) CHECK(near(c, n, 0.25));
  for (const int c : cells) CHECK(near(c, n, 2.5 / 9));
  for (const int c : colours) CHECK(near(c, 2.5 * n, 1.0 / 6));
}

TEST_CASE("a full pixel has its thing's colour and an empty one the grey of the ground", "[scenes][scene]") {
  double total = 0, squares = 0;
  int count = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const scene s = draw_scene(2, i);
    REQUIRE(s.picture.width == 48);
    REQUIRE(s.picture.height == 48);
    REQUIRE(s.picture.rgb.size() == 48u * 48u * 3u);
    const auto mean_in = [&](const object& o, std::size_t c) {
      double sum = 0;
      int n = 0;
      for (int y = 0; y < icon_size; ++y)
        for (int x = 0; x < icon_size; ++x)
          if (coverage(o.kind, x, y) == 4)
            sum += s.picture.rgb[static_cast<std::size_t>((o.y + y) * 48 + o.x + x) * 3 + c], ++n;
      return sum / n;
    };
    for (const object& o : s.objects)
      for (std::size_t c = 0; c < 3; ++c)
        // One shade a thing, +-15; the mean of at least 20 noisy pixels is within 9 (five standard errors of
        // 8/sqrt 20).
        CHECK(std::abs(mean_in(o, c) - colour_values.at(static_cast<std::size_t>(o.colour))[c]) < 15 + 9);
    const auto labels = label_pixels(s);
    std::array<double, 3> sum{};
    int pixels = 0;
    for (std::size_t y = 0; y < 48; ++y)
      for (std::size_t x = 0; x < 48; ++x) {
        bool inside = false;
        for (const object& o : s.objects)
          inside = inside || (static_cast<int>(x) >= o.x && static_cast<int>(x) < o.x + 12 &&
                              static_cast<int>(y) >= o.y && static_cast<int>(y) < o.y + 12);
        if (inside) continue;
        REQUIRE(labels.kind[y * 48 + x] == 0);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += s.picture.rgb[(y * 48 + x) * 3 + c];
        ++pixels;
      }
    for (const double v : sum) {
      CHECK(v / pixels > 15 - 8 - 1);
      CHECK(v / pixels < 74 + 8 + 1);
    }
    // Noise: neighbours of the ground differ by N(0, 2 * 64) where nothing is clamped.
    if (s.objects[0].cell > 0 && sum[0] / pixels > 45)
      for (std::size_t x = 0; x < 16; x += 2) {
        const double d = double(s.picture.rgb[x * 3]) - double(s.picture.rgb[(x + 1) * 3]);
        total += d, squares += d * d, ++count;
      }
  }
  REQUIRE(count > 300);
  CHECK(std::abs(total / count) < 3);
  CHECK(std::sqrt(squares / count / 2) == Approx(8).margin(1.2));
}

TEST_CASE("labels mark the pixels that are more than half covered", "[scenes][labels]") {
  const scene s = draw_scene(3, 5);
  const auto labels = label_pixels(s);
  int expected = 0;
  for (const object& o : s.objects)
    for (int y = 0; y < icon_size; ++y)
      for (int x = 0; x < icon_size; ++x) {
        const auto at = static_cast<std::size_t>((o.y + y) * 48 + o.x + x);
        const bool covered = coverage(o.kind, x, y) >= 3;
        expected += covered ? 1 : 0;
        CHECK(labels.kind[at] == (covered ? o.kind + 1 : 0));
        CHECK(labels.colour[at] == (covered ? o.colour + 1 : 0));
        CHECK(labels.cell[at] == (covered ? o.cell + 1 : 0));
      }
  CHECK(std::count_if(labels.kind.begin(), labels.kind.end(), [](int k) { return k > 0; }) == expected);
}

TEST_CASE("a patch takes the label of most pixels if that is an eighth of it", "[scenes][labels]") {
  std::vector<std::uint8_t> map(48 * 48, 0);
  const auto fill = [&](int patch, int count, int label, int from = 0) {  // pixels of one 12x12 patch
    for (int i = from; i < from + count; ++i)
      map[static_cast<std::size_t>((patch / 4 * 12 + i / 12) * 48 + patch % 4 * 12 + i % 12)] =
          static_cast<std::uint8_t>(label);
  };
  fill(0, 18, 3);                        // 18 of 144 pixels: exactly an eighth
  fill(1, 17, 3);                        // just below
  fill(6, 30, 9), fill(6, 40, 2, 30);    // the larger one
  fill(15, 20, 5), fill(15, 20, 4, 20);  // a tie: the lower label
  const auto labels = label_patches(map, 12);
  CHECK(labels == std::vector<int>{3, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4});
  CHECK(label_patches(map, 8).size() == 36);
  CHECK_THROWS_AS(label_patches(map, 7), candor::usage_error);
}

TEST_CASE("a seed and an index fix every pixel", "[scenes][scene]") {
  CHECK(draw_scene(7, 3).picture.rgb == draw_scene(7, 3).picture.rgb);
  CHECK(draw_scene(7, 3).picture.rgb != draw_scene(7, 4).picture.rgb);
  CHECK(draw_scene(7, 3).picture.rgb != draw_scene(8, 3).picture.rgb);
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::uint64_t i = 0; i < 100; ++i) hash = fnv1a(draw_scene(11, i).picture.rgb, hash);
  CHECK(hash == 0x21dedfc6581b6e31u);
}
