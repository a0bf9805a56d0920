// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of llava_weights.hpp.

#include <candor/core/error.hpp>
#include <candor/io/folder_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/model/llava_weights.hpp>

#include <algorithm>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view tower_prefix = "model.vision_tower.";

/// The canonical name of a tensor of CLIPModel or CLIPVisionModel; nothing for the text model and what joins
/// both. `bare`: the folder has the tower alone, with no vision_model. before its names.
CANDOR_INLINE std::optional<std::string> clip_tower_name(std::string_view stored, bool bare) {
  constexpr std::string_view whole = "vision_model.";
  if (!bare && !stored.starts_with(whole)) return std::nullopt;
  std::string name = text(tower_prefix, bare ? stored : stored.substr(whole.size()));
  if (is_derived_buffer(name)) return std::nullopt;
  return name;
}

}  // namespace detail

CANDOR_INLINE llava_weights::llava_weights(llava_source source)
    : source_(std::move(source)), config_(read_llava_config(source_)), model_(source_.model) {
  const tensor_names names(model_.names(), source_.model.string());
  scheme_ = names.scheme();
  for (const auto& [canonical, stored] : names.all())
    tensors_.push_back({canonical, &model_.file_of(stored), &model_.at(stored)});
  if (!names.has_prefix(detail::tower_prefix)) {
    const std::string inside = vision_tower_name(source_);
    if (!source_.vision_tower.empty())
      add_tower(source_.vision_tower);
    else if (detail::is_plain_file_name(inside) && holds_weights(source_.model / inside))
      add_tower(source_.model / inside);
    else
      fail<input_error>(
          source_.model.string(), ": holds no vision tower",
          inside.empty() ? ""
                         : text(", as is usual in original LLaVA's layout; config.json names ",
                                detail::in_quotes(inside)),
          ": get that CLIP model and give its folder with --vision-tower (in C++: .vision_tower)");
  }
  if (!source_.adapter.empty()) {
    adapter_.emplace(source_.adapter);
    replace(adapter_->replaced());
  }
}

CANDOR_INLINE void llava_weights::add_tower(const std::filesystem::path& folder) {
  tower_.emplace(folder);
  const auto stored = tower_->names();
  const bool bare = std::none_of(stored.begin(), stored.end(),
                                 [](const std::string& name) { return name.starts_with("vision_model."); });
  std::vector<named_tensor> found;
  for (const auto& name : stored)
    if (const auto canonical = detail::clip_tower_name(name, bare))
      found.push_back({*canonical, &tower_->file_of(name), &tower_->at(name)});
  replace(found);
}

/// Puts others in the place of tensors of the same name, or beside them, and keeps the order.
CANDOR_INLINE void llava_weights::replace(const std::vector<named_tensor>& others) {
  for (const auto& other : others) {
    const auto own =
        std::find_if(tensors_.begin(), tensors_.end(), [&](const auto& t) { return t.name == other.name; });
    if (own != tensors_.end())
      *own = other;
    else
      tensors_.push_back(other);
  }
  std::sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

CANDOR_INLINE const named_tensor* llava_weights::find(std::string_view canonical) const {
  const auto it = std::lower_bound(tensors_.begin(), tensors_.end(), canonical,
                                   [](const named_tensor& t, std::string_view n) { return t.name < n; });
  return it != tensors_.end() && it->name == canonical ? &*it : nullptr;
}

CANDOR_INLINE const named_tensor& llava_weights::at(std::string_view canonical, const shape& expected) const {
  if (const auto* found = find(canonical)) {
    found->require_shape(expected, "config.json");
    return *found;
  }
  const std::string model = source_.model.string();
  require<input_error>(!tower_ || !canonical.starts_with(detail::tower_prefix),
                       tower_ ? tower_->path().string() : model, ": the vision tower's tensor \"", canonical,
                       "\" ", expected, " is missing; this is not the CLIP model that config.json describes");
  const bool projector = canonical.starts_with("model.multi_modal_projector.") && source_.adapter.empty();
  fail<input_error>(
      model, ": tensor \"", canonical, "\" ", expected,
      " is missing; the folder may be incomplete, or hold another architecture than its config.json says",
      projector
          ? "; a projector that lies elsewhere, an mm_projector.bin or that of a LoRA, comes with --adapter"
          : "");
}

CANDOR_INLINE void llava_weights::require_known(const std::vector<std::string>& canonical) const {
  for (const auto& t : tensors_) {
    const bool spare_head = config_.text.tie_word_embeddings && t.name == "lm_head.weight";
    require<input_error>(
        spare_head || std::find(canonical.begin(), canonical.end(), t.name) != canonical.end(),
        t.file->path().string(), ": tensor \"", t.tensor->name,
        "\" belongs to no part of the model that config.json describes");
  }
}

}  // namespace CANDOR_NS
