// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reads captions back, also broken ones that a model wrote: which things are named, in which colour, where.
/// The known contents then play RLHF-V's annotator: wrong segments are corrected, the rest is left as it is.

#include <scenes/captions.hpp>
#include <scenes/scene.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scenes {

/// Words in lower case and punctuation marks, each on its own. Captions are measured in these.
inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  bool open = false;  // the last word may grow
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) != 0) {
      open = false;
    } else if (std::ispunct(byte) != 0) {
      out.emplace_back(1, c);
      open = false;
    } else {
      if (!open) out.emplace_back();
      out.back().push_back(static_cast<char>(std::tolower(byte)));
      open = true;
    }
  }
  return out;
}

namespace detail {

template <std::size_t N>
int index_of(const std::array<std::string_view, N>& names, std::string_view word) {
  const auto at = std::find(names.begin(), names.end(), word);
  return at == names.end() ? -1 : static_cast<int>(at - names.begin());
}

/// The cell that the place words of one sentence name, or -1 where there is none or they disagree.
inline int read_cell(const std::vector<std::string>& sentence) {
  const auto has = [&](std::string_view w) {
    return std::find(sentence.begin(), sentence.end(), w) != sentence.end();
  };
  const bool top = has("top"), bottom = has("bottom"), left = has("left"), right = has("right"),
             middle = has("middle");
  const bool aside = top || bottom || left || right;
  if (aside == middle || (top && bottom) || (left && right)) return -1;
  return (top ? 0 : bottom ? 2 : 1) * grid_size + (left ? 0 : right ? 2 : 1);
}

}  // namespace detail

/// A caption as read: every thing it names, in order; colour or cell -1 where the text does not say.
struct reading {
  caption_style style = caption_style::brief;
  std::vector<object> mentions;
};

/// Reads any text. A kind's name is a mention; its colour is the word before it, its cell comes from the
/// place words of its sentence.
inline reading read_caption(std::string_view text) {
  reading out;
  const auto all = words(text);
  out.style =
      !all.empty() && (all[0] == "at" || all[0] == "in") ? caption_style::detailed : caption_style::brief;
  for (std::size_t begin = 0; begin < all.size();) {
    const auto stop = std::find(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end(), ".");
    const std::vector<std::string> sentence(all.begin() + static_cast<std::ptrdiff_t>(begin), stop);
    const int cell = detail::read_cell(sentence);
    for (std::size_t i = 0; i < sentence.size(); ++i) {
      const int kind = detail::index_of(kind_names, sentence[i]);
      if (kind < 0) continue;
      const int colour = i > 0 ? detail::index_of(colour_names, sentence[i - 1]) : -1;
      out.mentions.push_back({.kind = kind, .colour = colour, .cell = cell});
    }
    begin += sentence.size() + 1;
  }
  return out;
}

/// The caption with its wrong segments put right, as an annotator who sees the picture does it: a thing that
/// is not there, or named twice, becomes the first thing of the scene that the caption leaves out, or is
/// taken away where there is none; wrong colours and places are corrected. Things left out are not added
/// beyond that.
inline std::string correct(const scene& s, std::string_view text) {
  const reading said = read_caption(text);
  std::array<bool, kind_count> named{}, written{};
  for (const object& m : said.mentions) named[static_cast<std::size_t>(m.kind)] = true;
  std::vector<object> missing;
  for (const object& o : s.objects)
    if (!named[static_cast<std::size_t>(o.kind)]) missing.push_back(o);

  std::vector<object> out;
  auto next = missing.begin();
  for (const object& m : said.mentions) {
    const object* truth = s.find(m.kind);
    if (truth == nullptr || written[static_cast<std::size_t>(m.kind)])
      truth = next != missing.end() ? &*next++ : nullptr;
    if (truth == nullptr) continue;
    written[static_cast<std::size_t>(truth->kind)] = true;
    out.push_back(*truth);
  }
  return out.empty() ? std::string() : caption(said.style, out);
}

/// RLHF-V's annotator: the corrected caption where the text names a thing that is not there and something
/// true is left to say; nothing otherwise (such a caption makes no preference pair).
inline std::optional<std::string> annotate(const scene& s, std::string_view text) {
  const auto mentions = read_caption(text).mentions;
  const bool lies = std::any_of(mentions.begin(), mentions.end(),
                                [&](const object& m) { return s.find(m.kind) == nullptr; });
  if (!lies) return std::nullopt;
  std::string corrected = correct(s, text);
  if (corrected.empty()) return std::nullopt;
  return corrected;
}

}  // namespace scenes
