// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of coco_objects.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/coco_objects.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/characters_impl.hpp>

#include <algorithm>

namespace CANDOR_NS {

CANDOR_INLINE coco_objects::coco_objects(const std::filesystem::path& synonyms, coco_rules rules) {
  const std::string list = read_file(synonyms);
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find('\n', at), list.size());
    const auto line = detail::trimmed(std::string_view(list).substr(at, end - at));
    at = end + 1;
    std::string name;
    for (std::size_t from = 0; from <= line.size() && !line.empty();) {
      const std::size_t to = std::min(line.find(", ", from), line.size());
      auto word = line.substr(from, to - from);
      if (rules == coco_rules::refined) word = detail::trimmed(word);
      from = to + 2;
      if (name.empty()) name = word;
      object_of_[std::string(word)] = name;
    }
  }
  require<input_error>(!object_of_.empty(), synonyms.string(),
                       ": no names; expected a class a line with its synonyms, separated by \", \"");
  const auto pair = [&](std::string_view two) { pairs_[std::string(two)] = two; };
  if (rules == coco_rules::classic)
    for (const char* two :
         {"motor bike",     "motor cycle",  "air plane",    "traffic light",   "street light",
          "traffic signal", "stop light",   "fire hydrant", "stop sign",       "parking meter",
          "suit case",      "sports ball",  "baseball bat", "baseball glove",  "tennis racket",
          "wine glass",     "hot dog",      "cell phone",   "mobile phone",    "teddy bear",
          "hair drier",     "potted plant", "bow tie",      "laptop computer", "stove top oven"})
      pair(two);
  else
    for (const auto& [word, object] : object_of_)
      if (word.find(' ') != word.npos) pair(word);
  pair("home plate");
  pair("train track");
  for (const std::string animal : {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra",
                                   "giraffe", "animal", "cub"})
    pairs_["baby " + animal] = pairs_["adult " + animal] = animal;
  for (const std::string vehicle : {"jet", "train"}) pairs_["passenger " + vehicle] = vehicle;
  pairs_["bow tie"] = "tie";
  pairs_["toilet seat"] = "toilet";
  pairs_["wine glas"] = "wine glass";
}

CANDOR_INLINE std::string_view coco_objects::pair_meaning(std::string_view first,
                                                          std::string_view second) const {
  const auto at = pairs_.find(text(first, " ", second));
  return at == pairs_.end() ? std::string_view() : at->second;
}

CANDOR_INLINE std::string_view coco_objects::object_of(std::string_view word) const {
  const auto at = object_of_.find(std::string(word));
  return at == object_of_.end() ? std::string_view() : at->second;
}

CANDOR_INLINE std::vector<std::string> coco_objects::joined(std::span<const std::string> words) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto meaning = i + 1 < words.size() ? pair_meaning(words[i], words[i + 1]) : std::string_view();
    out.emplace_back(meaning.empty() ? std::string_view(words[i]) : meaning);
    if (!meaning.empty()) ++i;
  }
  return out;
}

CANDOR_INLINE std::vector<object_mention> coco_objects::known(std::span<const std::string> words) const {
  // "the seat of the toilet" names no chair.
  const bool toilet = std::find(words.begin(), words.end(), "toilet") != words.end();
  std::vector<object_mention> out;
  for (const auto& word : words)
    if (const auto object = object_of(word); !object.empty() && !(toilet && word == "seat"))
      out.push_back({word, std::string(object)});
  return out;
}

CANDOR_INLINE std::vector<object_mention> coco_objects::mentions(std::span<const std::string> words) const {
  return known(joined(words));
}

}  // namespace CANDOR_NS
