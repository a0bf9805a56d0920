// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of run_config.hpp.

#include <candor/io/json_field_impl.hpp>
#include <candor/io/os_error.hpp>
#include <candor/train/run_config.hpp>

#include <algorithm>
#include <system_error>

namespace CANDOR_NS {

CANDOR_INLINE std::string run_config::hash() const {
  fingerprint f;
  for (const auto& [name, value] : entries_) f.add(name, value);
  return f.hex();
}

CANDOR_INLINE std::string run_config::document() const {
  std::string document = "{";
  for (const auto& [name, value] : entries_)
    document += text(document.size() > 1 ? "," : "", "\n  ", detail::json(name).dump(), ": ", detail::json(value).dump());
  return document + (entries_.empty() ? "}\n" : "\n}\n");
}

CANDOR_INLINE std::string run_config::markdown() const {
  std::string out = "| option | value |\n|---|---|\n";
  for (const auto& [name, value] : entries_) out += text("| ", name, " | ", value, " |\n");
  return out;
}

CANDOR_INLINE std::string run_config::difference_from(const std::filesystem::path& saved) const {
  if (!std::filesystem::exists(saved)) return {};
  const detail::json document = detail::read_json_file(saved);
  for (const auto& [name, value] : entries_) {
    const auto was = document.find(name);
    if (was == document.end() || !was->is_string()) return text(name, ": ", value, ", was not set");
    if (const auto before = was->get<std::string>(); before != value)
      return text(name, ": ", value, ", was ", before);
  }
  return {};
}

CANDOR_INLINE void add_model_files(fingerprint& f, const llava_source& source, std::string_view label) {
  for (const auto& folder : {source.model, source.vision_tower, source.adapter}) {
    if (folder.empty()) continue;
    std::vector<std::filesystem::path> files;
    std::error_code problem;
    auto entry = std::filesystem::directory_iterator(folder, problem);
    for (; !problem && entry != std::filesystem::directory_iterator(); entry.increment(problem)) {
      const auto name = entry->path().filename().string();
      const bool weights =
          name.ends_with(".safetensors") || name.ends_with(".bin") || name.ends_with(".index.json");
      if (weights || name == "config.json" || name == "adapter_config.json") files.push_back(entry->path());
    }
    if (problem) fail_io("list", folder, problem.value());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) f.add_file_stat(file, label);
  }
}

}  // namespace CANDOR_NS
