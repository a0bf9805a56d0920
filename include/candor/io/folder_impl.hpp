// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What is at a path: small questions that the readers of folders share.

#include <candor/core/error.hpp>
#include <candor/io/os_error.hpp>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace CANDOR_NS::detail {

/// Where LLaVA's training keeps the projector alone.
inline constexpr std::string_view projector_weights = "mm_projector.bin";

/// Whether something is at the path, which nothing is where its name is too long; io_error where the system
/// does not say.
CANDOR_INLINE bool present(const std::filesystem::path& path) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (status.type() == std::filesystem::file_type::not_found || code == std::errc::filename_too_long)
    return false;
  if (code) fail_io("examine", path, code.value());
  return true;
}

/// input_error unless a folder is at the path.
CANDOR_INLINE void require_folder(const std::filesystem::path& folder, std::string_view what) {
  require<input_error>(present(folder), "the ", what, " ", folder.string(),
                       " does not exist; check the path");
  require<input_error>(std::filesystem::is_directory(folder), "the ", what, " ", folder.string(),
                       " is not a folder");
}

/// A shard's name must be a file in the folder itself.
CANDOR_INLINE bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\\') == name.npos &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace CANDOR_NS::detail
