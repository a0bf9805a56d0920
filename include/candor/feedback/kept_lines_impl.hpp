// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a cache of this room finds on the disk when it is opened, for implementation files.

#include <candor/core/function_ref.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/line_log.hpp>

#include <cstddef>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string>

namespace CANDOR_NS::detail {

/// Hands each line of a log that is open and was never committed to `use`; input_error with its place for one
/// that is no JSON. The log has cut off what a kill left behind the last whole line.
inline void for_kept_lines(const std::filesystem::path& log, function_ref<void(const json_field&)> use) {
  const auto file = line_log::partial(log);
  std::istringstream lines(read_file(file, std::numeric_limits<std::uint64_t>::max()));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string source = text(file.string(), ":", ++number);
    const json document = parse_json(line, {.file = source});
    use(json_field(document, source));
  }
}

}  // namespace CANDOR_NS::detail
