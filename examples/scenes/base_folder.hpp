// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where the embedded world's base is.

#include <filesystem>

namespace scenes {

/// The model that learned to hallucinate: in the source tree, or where it was installed beside this program.
inline std::filesystem::path base_folder() {
  const auto source = std::filesystem::path(CANDOR_EXAMPLES_DIR) / "scenes" / "base";
  if (std::filesystem::exists(source)) return source;
  const auto program = std::filesystem::canonical("/proc/self/exe");
  return program.parent_path().parent_path() / "share/candor/scenes/base";
}

}  // namespace scenes
