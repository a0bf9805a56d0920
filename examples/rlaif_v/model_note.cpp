// SPDX-License-Identifier: Apache-2.0
#include "rlaif_v/model_note.hpp"

#include <candor/core/fingerprint.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace rlaif_v {
namespace {

std::string digest_of(const std::filesystem::path& folder) {
  candor::fingerprint print;
  print.add_file(folder / "config.json");
  std::vector<std::filesystem::path> weights;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors" || entry.path().extension() == ".bin")
      weights.push_back(entry.path());
  std::sort(weights.begin(), weights.end());
  for (const auto& file : weights) print.add_file_stat(file);
  return print.hex();
}

}  // namespace

nlohmann::ordered_json model_note(const std::filesystem::path& folder, const training::options& o) {
  return {{"model", digest_of(folder)},
          {"vision-tower", o.vision_tower.empty() ? "" : digest_of(o.vision_tower)},
          {"template", o.processor.chat_template},
          {"image-transform", o.image_transform},
          {"dtype", o.dtype}};
}

}  // namespace rlaif_v
