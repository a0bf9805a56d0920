// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Names of LLaVA's tensors. Canonical are the module paths of LlavaForConditionalGeneration in today's
/// transformers; files use these or one of three other namings. The same tensors in each:
///
///     canonical  model.language_model.layers.0.mlp.up_proj.weight    model.vision_tower.pre_layrnorm.weight
///     hf         language_model.model.layers.0.mlp.up_proj.weight    vision_tower.pre_layrnorm.weight
///     hf_old     language_model.model.layers.0.mlp.up_proj.weight
///     vision_tower.vision_model.pre_layrnorm.weight llava      model.layers.0.mlp.up_proj.weight
///     model.vision_tower.vision_tower.vision_model.pre_layrnorm.weight
///
/// transformers 5 writes hf and reads all three of its own; transformers 4 writes and reads hf_old, so hf_old
/// is what every version loads. The head is lm_head.weight (canonical, llava) or
/// language_model.lm_head.weight; a tied head may be absent. LLaVA's projector is model.mm_projector.0 and
/// .2, or model.mm_projector where it is one linear layer, which only LLaVA's own code has: its canonical
/// name is model.multi_modal_projector.linear.

#include <candor/core/config.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

enum class naming { canonical, hf, hf_old, llava };

/// "canonical", "hf", "hf_old" or "llava".
std::string_view name_of(naming scheme);
/// The naming of this name; usage_error lists the names where it is none.
naming parse_naming(std::string_view name);

/// The canonical name of a tensor, or of a module's path followed by a dot, in any naming; nothing where no
/// naming knows it.
std::optional<std::string> to_canonical(std::string_view stored);

/// The name in a file; usage_error where the name is not canonical, or where transformers has no such tensor
/// (a linear projector in a naming other than llava).
std::string from_canonical(std::string_view canonical, naming scheme);

/// True for buffers that older versions saved and nobody needs: rotary_emb.inv_freq, embeddings.position_ids.
bool is_derived_buffer(std::string_view name);

/// What a folder holds: its naming and where each canonical tensor lies.
class tensor_names {
 public:
  /// Takes the names in files. input_error, naming a tensor, where they mix namings, where one is unknown, or
  /// where two mean the same tensor. `place` begins the messages (the folder).
  tensor_names(const std::vector<std::string>& stored, std::string_view place);

  naming scheme() const { return scheme_; }
  /// The name in the files, or nullptr where the folder lacks the tensor.
  const std::string* stored(std::string_view canonical) const;
  /// Whether any canonical name begins so: has_prefix("model.vision_tower.").
  bool has_prefix(std::string_view prefix) const;
  /// Pairs of canonical and stored name, sorted; derived buffers are left out.
  const std::vector<std::pair<std::string, std::string>>& all() const { return names_; }

 private:
  naming scheme_ = naming::canonical;
  std::vector<std::pair<std::string, std::string>> names_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/io/names_impl.hpp>
#endif
