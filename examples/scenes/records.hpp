// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Scenes as the field's files, so that a trainer reads its own world through the readers of real data: a
/// folder `images` of PNG files and `pairs.jsonl` with RLHF-V's fields, one record a line: {"idx": 0,
/// "image": "00012.png", "question": "...", "chosen": "...", "rejected": "..."}

#include <scenes/scene.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace scenes {

struct preference_record {
  std::size_t scene = 0;  ///< index into the scenes that are written with it
  std::string question, chosen, rejected;
};

/// "00012.png": the file of scene 12.
std::string image_name(std::size_t scene);

/// Writes folder/images/00000.png ... of all scenes.
void write_images(const std::filesystem::path& folder, std::span<const scene> scenes);

/// Writes folder/pairs.jsonl, and the images of the scenes that the records name. Throws candor::usage_error
/// where a record names a scene that is not there, candor::io_error where the folder cannot be written.
void write_records(const std::filesystem::path& folder, std::span<const scene> scenes,
                   std::span<const preference_record> records);

}  // namespace scenes
