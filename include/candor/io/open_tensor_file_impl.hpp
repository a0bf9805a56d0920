// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of open_tensor_file.hpp.

#include <candor/io/open_tensor_file.hpp>
#include <candor/io/safetensors.hpp>
#include <candor/io/torch_file.hpp>

namespace CANDOR_NS {

CANDOR_INLINE std::unique_ptr<tensor_file> open_tensor_file(const std::filesystem::path& path) {
  const auto ending = path.extension();
  if (ending == ".bin" || ending == ".pt" || ending == ".pth") return std::make_unique<torch_file>(path);
  return std::make_unique<safetensors_file>(path);
}

}  // namespace CANDOR_NS
