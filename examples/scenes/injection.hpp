// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// POVID's injector for scenes: a true caption with something put in that usually goes along and is not
/// there.

#include <scenes/captions.hpp>
#include <scenes/scene.hpp>

#include <string>
#include <vector>

namespace scenes {

/// The brief caption of a scene with a lie: its usual companions are named wherever they are absent, as the
/// faulty captioner does it, but always. Where no thing has an absent companion, a random absent kind in a
/// random colour takes the place of the next thing.
inline std::string hallucinated_caption(const scene& s, candor::random_stream& dice) {
  companion_rules always = usual_companions;
  for (auto& rule : always) rule.probability = 1.0;
  auto said = faulty(s, dice, always);
  if (said == s.objects) {
    std::vector<int> absent;
    for (int kind = 0; kind < kind_count; ++kind)
      if (s.find(kind) == nullptr) absent.push_back(kind);
    const object lie{.kind = absent[static_cast<std::size_t>(below(dice, static_cast<int>(absent.size())))],
                     .colour = below(dice, colour_count)};
    const auto place = static_cast<std::size_t>(1 + below(dice, static_cast<int>(said.size())));
    place < said.size() ? void(said[place] = lie) : said.push_back(lie);
  }
  return caption(caption_style::brief, said);
}

}  // namespace scenes
