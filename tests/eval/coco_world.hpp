// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// 2,000 captions and MSCOCO annotations for their pictures, as golden/make_chair.py makes them.

#include "eval/eval_world.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace candor_test {

/// Empty where the optional real data is absent.
inline std::vector<json> coco_captions() {
  const auto file = shared_data("pope/captions_instructblip.json");
  return file.empty() || shared_data("chair/synonyms.txt").empty() ? std::vector<json>() : read_lines(file);
}

/// Writes instances_*.json and captions_*.json into the folder.
inline void write_coco_annotations(const std::filesystem::path& folder, const std::vector<json>& told) {
  std::map<std::string, std::vector<std::string>> present;  // by picture
  for (const char* name : {"random", "popular"})
    for (const auto& q : read_lines(shared_data(std::string("pope/coco_pope_") + name + ".json"))) {
      if (q.at("label") != "yes") continue;
      std::string thing = q.at("text").get<std::string>();
      thing = thing.substr(thing.find(' ', thing.find(' ', thing.find(' ')) + 1) + 1);  // Is there a ...
      thing = thing.substr(thing.find(' ') + 1);
      present[q.at("image")].push_back(thing.substr(0, thing.rfind(" in the image?")));
    }
  std::vector<std::vector<std::string>> pictures;
  std::set<std::string> distinct;
  for (const auto& [picture, things] : present) {
    pictures.push_back(things);
    distinct.insert(things.begin(), things.end());
  }
  const std::vector<std::string> names(distinct.begin(), distinct.end());
  json categories = json::array(), images = json::array();
  for (std::size_t n = 0; n < names.size(); ++n) categories.push_back({{"id", n + 1}, {"name", names[n]}});
  std::vector<json> instances, captions;
  for (std::size_t i = 0; i < told.size(); ++i) {
    const json& id = told[i].at("image_id");
    images.push_back({{"id", id}});
    for (const auto& thing : pictures[i % pictures.size()])
      instances.push_back(
          {{"image_id", id},
           {"category_id", std::lower_bound(names.begin(), names.end(), thing) - names.begin() + 1},
           {"segmentation", {{1.5, 2.5}, {3, 4}}}});
    if (i % 2 == 1) captions.push_back({{"image_id", id}, {"caption", told[i - 1].at("text")}});
    if (i % 3 == 0) captions.push_back({{"image_id", id}, {"caption", told[i].at("text")}});
  }
  for (const char* split : {"train", "val"}) {
    const auto mine = [&](const std::vector<json>& rows) {
      json out = json::array();
      for (std::size_t j = 0; j < rows.size(); ++j)
        if ((j % 5 == 0) == (split == std::string("train"))) out.push_back(rows[j]);
      return out;
    };
    candor::write_atomically(
        folder / (std::string("instances_") + split + "2014.json"),
        json{{"annotations", mine(instances)}, {"categories", categories}, {"images", images}}.dump());
    candor::write_atomically(folder / (std::string("captions_") + split + "2014.json"),
                             json{{"annotations", mine(captions)}, {"images", images}}.dump());
  }
}

/// What the golden script's judge lists for a caption.
inline std::vector<std::string> listed_objects(const std::string& caption) {
  std::istringstream text(caption);
  std::vector<std::string> words, out;
  std::size_t count = 0;
  for (std::string word; text >> word; ++count) {
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const std::set<std::string> skipped{"a", "an", "the", "of", "in", "on", "with", "and"};
    if (!skipped.contains(word)) words.push_back(word);
  }
  if (count <= 3) return {};
  for (std::size_t i = 0; i < words.size(); ++i) out.push_back(i % 3 == 0 ? "red " + words[i] : words[i]);
  for (std::size_t i = 0; i < words.size(); i += 2)
    out.push_back(words[i] + (i + 1 < words.size() ? " " + words[i + 1] : ""));
  return out;
}

}  // namespace candor_test
