// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Model folders as original LLaVA's are published: the vision tower lies elsewhere.

#include <candor/io/model_folder.hpp>
#include <candor/model/llava_weights.hpp>

#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace candor_test {

/// A copy of an original LLaVA folder without its tower, which goes to a folder of its own as CLIP's are,
/// with the image transform.
inline void split_tower(const std::filesystem::path& whole, const std::filesystem::path& part,
                        const std::filesystem::path& clip) {
  const candor::llava_weights weights({.model = whole});
  std::filesystem::copy(whole, part, std::filesystem::copy_options::recursive);
  std::filesystem::remove(part / "model.safetensors");
  std::filesystem::rename(part / "vision_tower", clip);
  std::filesystem::rename(part / "preprocessor_config.json", clip / "preprocessor_config.json");
  std::deque<std::vector<float>> values;
  std::vector<candor::tensor_source> rest, tower;
  for (const auto& t : weights.all()) {
    const std::string prefix = "model.vision_tower.";
    const bool in_tower = t.name.starts_with(prefix);
    const auto& v = values.emplace_back(t.file->read_as<float>(*t.tensor));
    (in_tower ? tower : rest)
        .push_back(
            candor::source_of(in_tower ? "vision_model." + t.name.substr(prefix.size()) : t.tensor->name,
                              t.tensor->extents, std::span<const float>(v)));
  }
  candor::write_model_folder(part, rest);
  candor::write_model_folder(clip, tower);
}

}  // namespace candor_test
