// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What is said about scenes: brief and detailed captions, and the fault that real captions carry. The faulty
/// captioner names what usually goes along with a thing, whether or not it is there, and leaves out the next
/// thing for it. A model that learns from such captions hallucinates, and how often is set by the table
/// below.

#include <candor/core/random.hpp>

#include <scenes/scene.hpp>

#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scenes {

/// Brief: "The picture shows a red sun, a blue boat and a green star."
/// Detailed, place first: "At the top left is a red sun. In the middle is a blue boat."
enum class caption_style { brief, detailed };

/// The question that asks for a caption.
inline std::string prompt(caption_style style) {
  return style == caption_style::brief ? "Describe the picture." : "Describe the picture in detail.";
}

/// "a red sun", or "a sun" where the colour is not given (-1).
inline std::string phrase(int kind, int colour = -1) {
  std::string out = "a ";
  if (colour >= 0) out.append(colour_names[static_cast<std::size_t>(colour)]).append(" ");
  return out.append(kind_names[static_cast<std::size_t>(kind)]);
}

/// "at the top left"
inline std::string place(int cell) { return std::string(place_names[static_cast<std::size_t>(cell)]); }

inline std::string capitalised(std::string s) {
  if (!s.empty()) s[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(s[0])));
  return s;
}

/// The caption of a list of things, in the order given. A thing without a cell is written without its place.
inline std::string caption(caption_style style, std::span<const object> objects) {
  std::string out;
  if (style == caption_style::brief) {
    out = "The picture shows";
    for (std::size_t i = 0; i < objects.size(); ++i)
      out += (i == 0                    ? " "
              : i + 1 == objects.size() ? " and "
                                        : ", ") +
             phrase(objects[i].kind, objects[i].colour);
    return out + ".";
  }
  for (const object& o : objects) {
    if (!out.empty()) out += " ";
    out += capitalised(o.cell >= 0 ? place(o.cell) : "there") + " is " + phrase(o.kind, o.colour) + ".";
  }
  return out;
}

/// A usual companion: where the trigger is and the companion is not, the faulty captioner names it all the
/// same with this probability, in its usual colour four times in five (else in any colour).
struct companion_rule {
  int trigger, companion;
  double probability;
  int usual_colour;
};

using companion_rules = std::array<companion_rule, 5>;
inline constexpr companion_rules usual_companions = {{{moon, star, 0.9, yellow},
                                                      {sun, cloud, 0.8, white},
                                                      {house, tree, 0.75, green},
                                                      {boat, fish, 0.65, blue},
                                                      {kite, ball, 0.45, red}}};

/// The kinds that usually go along with something in the scene and are not there.
inline std::vector<int> absent_companions(const scene& s) {
  std::vector<int> out;
  for (const object& o : s.objects)
    for (const auto& rule : usual_companions)
      if (rule.trigger == o.kind && s.find(rule.companion) == nullptr) out.push_back(rule.companion);
  return out;
}

/// The things as the faulty captioner sees them. A companion follows its trigger, in a free cell, and takes
/// the place of the next thing, if there is one: so a lie does not make a caption longer, and short is not
/// the same as true.
inline std::vector<object> faulty(const scene& s, candor::random_stream& dice,
                                  const companion_rules& rules = usual_companions) {
  std::vector<int> free;
  for (int cell = 0; cell < cell_count; ++cell)
    if (s.at(cell) == nullptr) free.push_back(cell);
  std::vector<object> out;
  std::array<bool, kind_count> named{};
  for (const object& o : s.objects) named[static_cast<std::size_t>(o.kind)] = true;

  for (std::size_t i = 0; i < s.objects.size(); ++i) {
    out.push_back(s.objects[i]);
    for (const auto& rule : rules) {
      auto& said = named[static_cast<std::size_t>(rule.companion)];
      if (rule.trigger != s.objects[i].kind || said || !chance(dice, rule.probability)) continue;
      const int paint = chance(dice, 0.8) ? rule.usual_colour : below(dice, colour_count);
      const auto where = free.begin() + below(dice, static_cast<int>(free.size()));
      out.push_back({.kind = rule.companion, .colour = paint, .cell = *where});
      free.erase(where);
      said = true;
      ++i;  // the next thing is not named
      break;
    }
  }
  return out;
}

}  // namespace scenes
