// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The ten icons of the embedded world as 12x12 tables of coverage in quarters: '0' is empty, '4' is full.
/// Each was drawn once from a closed form (discs, triangles, an eight-rayed sun ...) with 2x2 samples a
/// pixel; as tables they are the same on every platform. The names of kinds, colours and places live here
/// too.

#include <array>
#include <cstddef>
#include <string_view>

namespace scenes {

inline constexpr int icon_size = 12;  ///< pixels
inline constexpr int kind_count = 10;
inline constexpr int colour_count = 6;
inline constexpr int grid_size = 3;  ///< cells a side
inline constexpr int cell_count = grid_size * grid_size;
inline constexpr int cell_size = 16;                        ///< pixels
inline constexpr int picture_size = grid_size * cell_size;  ///< pixels

/// What a thing is. Plain indices, since tables, labels and words are all indexed by them.
enum kind : int { sun, moon, star, cloud, tree, house, boat, fish, ball, kite };
enum colour : int { red, green, blue, yellow, purple, white };

inline constexpr std::array<std::string_view, kind_count> kind_names = {
    "sun", "moon", "star", "cloud", "tree", "house", "boat", "fish", "ball", "kite"};
inline constexpr std::array<std::string_view, colour_count> colour_names = {"red",    "green",  "blue",
                                                                            "yellow", "purple", "white"};
/// Where a cell lies, row by row from the top left.
inline constexpr std::array<std::string_view, cell_count> place_names = {
    "at the top left", "at the top",         "at the top right", "at the left",        "in the middle",
    "at the right",    "at the bottom left", "at the bottom",    "at the bottom right"};

/// The plain colours, 0..255.
inline constexpr std::array<std::array<int, 3>, colour_count> colour_values = {
    {{220, 50, 50}, {50, 170, 70}, {60, 100, 235}, {240, 220, 60}, {165, 70, 195}, {240, 240, 240}}};

namespace detail {
// clang-format off
inline constexpr std::array<std::string_view, kind_count> icon_tables = {
    // sun
    "000002200000" "001002200100" "014100001410" "001134431100"
    "000344443000" "220444444022" "220444444022" "000344443000"
    "001134431100" "014100001410" "001002200100" "000002200000",
    // moon
    "000012200000" "001443000000" "014440000000" "044420000000"
    "144410000000" "244410000000" "244420000000" "144440000000"
    "044443000000" "014444422200" "001444444100" "000012210000",
    // star
    "000001100000" "000004400000" "000024420000" "012224422210"
    "144444444441" "034444444430" "002344443200" "000444444000"
    "002444444200" "002441144200" "001200002100" "000000000000",
    // cloud
    "000000000000" "000000000000" "000024420000" "000244442000"
    "002444444310" "034444444440" "144444444442" "144444444442"
    "034443344440" "002220034310" "000000000000" "000000000000",
    // tree
    "000001100000" "000003300000" "000014410000" "000034430000"
    "000144441000" "000444444000" "002444444200" "004444444400"
    "012224422210" "000004400000" "000004400000" "000004400000",
    // house
    "000001100000" "000024420000" "000344443000" "003444444300"
    "034444444430" "004444444400" "004444444400" "004442244400"
    "004440044400" "004440044400" "004440044400" "002220022200",
    // boat
    "000001000000" "000002300000" "000002410000" "000002440000"
    "000002442000" "000002444100" "000002444300" "122222222221"
    "044444444440" "014444444410" "001444444100" "000000000000",
    // fish
    "000000000000" "000000000000" "000000000001" "001344310032"
    "034444443342" "044444444442" "044444444442" "034444443342"
    "001344310032" "000000000001" "000000000000" "000000000000",
    // ball
    "000000000000" "000134431000" "003444444300" "014444444410"
    "034444444430" "044444444440" "044444444440" "034444444430"
    "014444444410" "003444444300" "000134431000" "000000000000",
    // kite
    "000001100000" "000004400000" "000034430000" "000344443000"
    "001444444100" "000444444000" "000144441000" "000024420000"
    "000003300000" "000001410000" "000002310000" "000024000000",
};
// clang-format on
}  // namespace detail

/// How much of pixel (x, y) the icon covers, in quarters: 0..4.
constexpr int coverage(int kind, int x, int y) {
  const auto& table = detail::icon_tables[static_cast<std::size_t>(kind)];
  return table[static_cast<std::size_t>(y * icon_size + x)] - '0';
}

}  // namespace scenes
