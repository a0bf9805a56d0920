// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reading the records of benchmark files, for implementation files of this room.

#include <candor/core/function_ref.hpp>
#include <candor/data/record_file.hpp>
#include <candor/io/json_field_impl.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace CANDOR_NS::detail {

/// Hands each record of a file of JSON lines, or of one JSON list, to `use`.
inline void for_records(const std::filesystem::path& file, function_ref<void(const json_field&)> use) {
  const record_file records(file);
  for (std::int64_t i = 0; i < records.size(); ++i) {
    const std::string bytes = records.read(i);
    const json document = parse_json(
        bytes, {.file = file.string(), .first_line = static_cast<std::size_t>(records.range(i).line)});
    use(json_field(document, records.source(i)));
  }
}

/// An id as text: benchmarks write numbers and texts for the same thing.
inline std::string id_text(const json_field& id) {
  return id.value().is_string() ? id.string() : std::to_string(id.integer());
}

/// A list of texts.
inline std::vector<std::string> texts_of(const json_field& list) {
  std::vector<std::string> out;
  for (const auto& item : list.items()) out.push_back(item.string());
  return out;
}

}  // namespace CANDOR_NS::detail
