// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// All that is ever said in the embedded world, as sentences: what the tokenizer is trained on, and what it
/// has to keep short.

#include <scenes/questions.hpp>
#include <scenes/scene.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace scenes {

/// Every sentence of `count` scenes: prompts and questions, which follow an image and so begin with a new
/// line, their answers, and the two roles of the chat template.
inline std::vector<std::string> world_text(int count, std::uint64_t seed = 1) {
  std::vector<std::string> out = {"USER:", "ASSISTANT:"};
  for (int i = 0; i < count; ++i) {
    candor::random_stream dice(seed, static_cast<std::uint64_t>(i));
    const scene s = draw_scene(dice);
    for (const auto style : {caption_style::brief, caption_style::detailed}) {
      out.push_back("\n" + prompt(style));
      out.push_back(caption(style, faulty(s, dice)));
    }
    const auto yes_no = ask_yes_no(s, dice);
    out.push_back("\n" + yes_no.text);
    out.push_back(yes_no.answer());
    const auto open = ask_open(s, dice);
    out.push_back("\n" + open.text);
    out.push_back(open.answer);
  }
  return out;
}

}  // namespace scenes
