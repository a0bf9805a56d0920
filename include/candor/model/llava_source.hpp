// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where the parts of a LLaVA model lie. Most are one folder; original LLaVA's name their vision tower only,
/// and its adapters are published with a projector that belongs to them.

#include <candor/core/config.hpp>

#include <filesystem>

namespace CANDOR_NS {

/// The folders of a model:
///     load_llava<float>(cpu, {.model = "llava-v1.5-7b", .vision_tower = "clip-vit-large-patch14-336"})
struct llava_source {
  /// config.json, weights and tokenizer. With an adapter that has a LLaVA's config.json, a language model
  /// will do: its config.json is not read then.
  std::filesystem::path model = {};
  /// The folder of a CLIP model: tower and image transform of a model that holds none of its own.
  std::filesystem::path vision_tower = {};
  /// A PEFT adapter; the tensors of a non_lora_trainables.bin or mm_projector.bin beside it take the place of
  /// the model's. A projector alone, with its config.json, will do.
  std::filesystem::path adapter = {};
};

}  // namespace CANDOR_NS
