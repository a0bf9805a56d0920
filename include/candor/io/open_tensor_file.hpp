// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Opens any file of tensors.

#include <candor/io/tensor_file.hpp>

#include <filesystem>
#include <memory>

namespace CANDOR_NS {

/// Opens a file by the ending of its name: .bin, .pt and .pth are torch's (see torch_file), all others
/// safetensors.
std::unique_ptr<tensor_file> open_tensor_file(const std::filesystem::path& path);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/open_tensor_file_impl.hpp>
#endif
