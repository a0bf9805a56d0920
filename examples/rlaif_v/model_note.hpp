// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a local model's words depend on beside its input, as the notes of stages keep it.

#include <candor/io/json_impl.hpp>

#include "training/options.hpp"

#include <filesystem>

namespace rlaif_v {

/// {"model": digest, "vision-tower": digest, "template", "image-transform", "dtype"}. A digest is of the
/// folder's config.json and of its weights' names, sizes and times. io_error where there is no config.json.
nlohmann::ordered_json model_note(const std::filesystem::path& folder, const training::options& o);

}  // namespace rlaif_v
