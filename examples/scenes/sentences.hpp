// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Single sentences about a scene, true and false, in both styles of captions.

#include <candor/core/random.hpp>

#include <scenes/captions.hpp>
#include <scenes/scene.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scenes {

/// A false copy of a true thing: of a kind that is not there (half of them), of another colour, or in another
/// place.
inline object falsified(const scene& s, object o, bool with_place, candor::random_stream& dice) {
  const int what = below(dice, with_place ? 4 : 3);
  if (what == 2) {
    o.colour = (o.colour + between(dice, 1, colour_count - 1)) % colour_count;
  } else if (what == 3) {
    o.cell = (o.cell + between(dice, 1, cell_count - 1)) % cell_count;
  } else {
    do o.kind = below(dice, kind_count);
    while (s.find(o.kind) != nullptr);
  }
  return o;
}

/// A true sentence about the scene, and the same with one thing false.
struct sentence_pair {
  std::string truth, lie;
};

inline sentence_pair draw_sentences(const scene& s, candor::random_stream& dice) {
  const bool placed = chance(dice, 0.6);
  std::vector<object> things = s.objects;
  const int count = placed ? 1 : between(dice, 1, static_cast<int>(things.size()));
  while (static_cast<int>(things.size()) > count)
    things.erase(things.begin() + below(dice, static_cast<int>(things.size())));
  const auto style = placed ? caption_style::detailed : caption_style::brief;
  sentence_pair out{caption(style, things), {}};
  auto& wrong = things[static_cast<std::size_t>(below(dice, static_cast<int>(things.size())))];
  wrong = falsified(s, wrong, placed, dice);
  out.lie = caption(style, things);
  return out;
}

}  // namespace scenes
