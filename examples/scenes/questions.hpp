// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Questions about a scene and their true answers: yes/no ("Is there a red sun at the top left?" "Yes") and
/// open ones ("What is at the top left?" "A red sun"; "Where is the sun?" "At the top left"), which teach
/// grounding. The first word of every answer is one token of the tokenizer, so "Yes" and "No" can be compared
/// at one position.

#include <candor/core/random.hpp>

#include <scenes/captions.hpp>
#include <scenes/scene.hpp>

#include <string>
#include <vector>

namespace scenes {

struct question {
  std::string text;
  std::string answer;  ///< true; without a full stop
};

struct yes_no_question {
  std::string text;
  bool truth = false;

  std::string answer() const { return truth ? "Yes" : "No"; }
};

/// "Is there a [colour] kind [at the place]?"; -1 leaves a part out.
inline std::string is_there(int kind, int colour = -1, int cell = -1) {
  return "Is there " + phrase(kind, colour) + (cell >= 0 ? " " + place(cell) : "") + "?";
}

/// A question with the given truth. It names the kind, kind and colour, or all three, a third each. False
/// ones ask for an absent companion (35 % where there is one), another absent kind, or a near miss: a thing
/// that is there with a wrong colour or place.
inline yes_no_question ask_yes_no(const scene& s, candor::random_stream& dice, bool truth) {
  const int parts = below(dice, 3);  // 0: kind, 1: colour too, 2: place too
  object asked = s.objects[static_cast<std::size_t>(below(dice, static_cast<int>(s.objects.size())))];
  if (!truth) {
    const auto companions = absent_companions(s);
    const double which = dice.uniform();
    const bool absent = which < 0.6 || parts == 0;
    if (absent) {
      if (which < 0.35 && !companions.empty()) {
        asked.kind = companions[static_cast<std::size_t>(below(dice, static_cast<int>(companions.size())))];
      } else {
        std::vector<int> kinds;
        for (int k = 0; k < kind_count; ++k)
          if (s.find(k) == nullptr) kinds.push_back(k);
        asked.kind = kinds[static_cast<std::size_t>(below(dice, static_cast<int>(kinds.size())))];
      }
      asked.colour = below(dice, colour_count);
      asked.cell = below(dice, cell_count);
    } else if (parts == 2 && chance(dice, 0.5)) {
      asked.cell = (asked.cell + between(dice, 1, cell_count - 1)) % cell_count;
    } else {
      asked.colour = (asked.colour + between(dice, 1, colour_count - 1)) % colour_count;
    }
  }
  return {.text = is_there(asked.kind, parts > 0 ? asked.colour : -1, parts == 2 ? asked.cell : -1),
          .truth = truth};
}

/// The same, true half of the time.
inline yes_no_question ask_yes_no(const scene& s, candor::random_stream& dice) {
  const bool truth = chance(dice, 0.5);
  return ask_yes_no(s, dice, truth);
}

/// "Where is the sun?" three times in ten, else "What is at the top left?" (a place where something is three
/// times in four, else any place).
inline question ask_open(const scene& s, candor::random_stream& dice) {
  const bool where = chance(dice, 0.3);
  const object& o = s.objects[static_cast<std::size_t>(below(dice, static_cast<int>(s.objects.size())))];
  if (where)
    return {.text = "Where is the " + std::string(kind_names[static_cast<std::size_t>(o.kind)]) + "?",
            .answer = capitalised(place(o.cell))};
  const int cell = chance(dice, 0.75) ? o.cell : below(dice, cell_count);
  const object* found = s.at(cell);
  return {.text = "What is " + place(cell) + "?",
          .answer = found != nullptr ? capitalised(phrase(found->kind, found->colour)) : "Nothing"};
}

/// "Is there a star?" for every usual companion that is absent: what the fault makes a model see.
inline std::vector<yes_no_question> ask_absent_companions(const scene& s) {
  std::vector<yes_no_question> out;
  for (const int kind : absent_companions(s)) out.push_back({.text = is_there(kind), .truth = false});
  return out;
}

}  // namespace scenes
