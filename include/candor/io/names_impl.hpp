// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of names.hpp: a table of prefixes.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/names.hpp>

#include <algorithm>
#include <string>

namespace CANDOR_NS {
namespace detail {

/// A prefix in files, the canonical one, and which namings it is the mark of (a bit each; 0 for marks of
/// none).
struct name_rule {
  std::string_view stored, canonical;
  unsigned schemes;
};

inline constexpr unsigned scheme_bit(naming n) { return 1u << static_cast<unsigned>(n); }
inline constexpr unsigned is_canonical = scheme_bit(naming::canonical);
inline constexpr unsigned is_hf = scheme_bit(naming::hf);
inline constexpr unsigned is_hf_old = scheme_bit(naming::hf_old);
inline constexpr unsigned is_llava = scheme_bit(naming::llava);

/// A longer prefix stands before a shorter one that it begins with. Where a naming has several prefixes for
/// one canonical one, the first is written.
inline constexpr name_rule name_rules[] = {
    {"language_model.lm_head.", "lm_head.", is_hf | is_hf_old},
    {"lm_head.", "lm_head.", is_canonical | is_llava},
    {"language_model.model.", "model.language_model.", is_hf | is_hf_old},
    {"language_model.", "model.language_model.", is_hf},
    {"vision_tower.vision_model.", "model.vision_tower.", is_hf_old},
    {"vision_tower.", "model.vision_tower.", is_hf},
    {"multi_modal_projector.", "model.multi_modal_projector.", is_hf | is_hf_old},
    {"model.vision_tower.vision_tower.vision_model.", "model.vision_tower.", is_llava},
    {"model.vision_tower.vision_tower.", "model.vision_tower.", is_llava},
    {"model.mm_projector.0.", "model.multi_modal_projector.linear_1.", is_llava},
    {"model.mm_projector.2.", "model.multi_modal_projector.linear_2.", is_llava},
    {"model.mm_projector.", "model.multi_modal_projector.linear.", is_llava},
    {"model.language_model.", "model.language_model.", is_canonical},
    {"model.vision_tower.vision_model.", "model.vision_tower.", is_canonical},
    {"model.vision_tower.", "model.vision_tower.", is_canonical},
    {"model.multi_modal_projector.", "model.multi_modal_projector.", is_canonical},
    {"model.embed_tokens.", "model.language_model.embed_tokens.", is_llava},
    {"model.layers.", "model.language_model.layers.", is_llava},
    {"model.norm.", "model.language_model.norm.", is_llava},
};

CANDOR_INLINE const name_rule* rule_of(std::string_view stored) {
  const auto* found = std::find_if(std::begin(name_rules), std::end(name_rules),
                                   [&](const name_rule& r) { return stored.starts_with(r.stored); });
  return found == std::end(name_rules) ? nullptr : found;
}

}  // namespace detail

CANDOR_INLINE std::string_view name_of(naming scheme) {
  constexpr std::string_view names[] = {"canonical", "hf", "hf_old", "llava"};
  return names[static_cast<std::size_t>(scheme)];
}

CANDOR_INLINE naming parse_naming(std::string_view name) {
  for (const auto scheme : {naming::canonical, naming::hf, naming::hf_old, naming::llava})
    if (name_of(scheme) == name) return scheme;
  fail<usage_error>("unknown naming ", detail::in_quotes(name), "; choose canonical, hf, hf_old or llava");
}

CANDOR_INLINE std::optional<std::string> to_canonical(std::string_view stored) {
  const auto* rule = detail::rule_of(stored);
  if (rule == nullptr || stored.size() == rule->stored.size()) return std::nullopt;
  return text(rule->canonical, stored.substr(rule->stored.size()));
}

CANDOR_INLINE std::string from_canonical(std::string_view canonical, naming scheme) {
  const auto* own = detail::rule_of(canonical);
  require<usage_error>(
      own != nullptr && (own->schemes & detail::is_canonical) != 0 && own->stored == own->canonical,
      detail::in_quotes(canonical), " is not a canonical tensor name");
  require<usage_error>(
      scheme == naming::llava || !canonical.starts_with("model.multi_modal_projector.linear."),
      "a linear projector has no place in transformers' LLaVA, which always has two layers; "
      "export this model with the naming llava");
  // The longest canonical prefix decides: linear_1 is mm_projector.0.
  const detail::name_rule* best = nullptr;
  for (const auto& r : detail::name_rules)
    if ((r.schemes & detail::scheme_bit(scheme)) != 0 && canonical.starts_with(r.canonical) &&
        (scheme != naming::canonical || r.stored == r.canonical) &&
        (best == nullptr || r.canonical.size() > best->canonical.size()))
      best = &r;
  require<usage_error>(best != nullptr, "the tensor ", detail::in_quotes(canonical),
                       " has no name in the naming ", name_of(scheme));
  return text(best->stored, canonical.substr(best->canonical.size()));
}

CANDOR_INLINE bool is_derived_buffer(std::string_view name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".embeddings.position_ids");
}

CANDOR_INLINE tensor_names::tensor_names(const std::vector<std::string>& stored, std::string_view place) {
  unsigned possible = detail::is_canonical | detail::is_hf | detail::is_hf_old | detail::is_llava;
  const std::string* witness = nullptr;  // the tensor that last narrowed the choice
  for (const auto& name : stored) {
    if (is_derived_buffer(name)) continue;
    const auto* rule = detail::rule_of(name);
    require<input_error>(rule != nullptr && name.size() > rule->stored.size(), place, ": the tensor ",
                         detail::in_quotes(name), " belongs to no known naming of LLaVA");
    require<input_error>((possible & rule->schemes) != 0, place,
                         ": the tensor names mix two namings: ", detail::in_quotes(name), " and ",
                         witness == nullptr ? "" : detail::in_quotes(*witness));
    if ((possible & rule->schemes) != possible) witness = &name;
    possible &= rule->schemes;
    names_.emplace_back(*to_canonical(name), name);
  }
  require<input_error>(!names_.empty(), place, ": no tensors of a LLaVA model");
  for (const auto scheme : {naming::canonical, naming::hf, naming::hf_old, naming::llava})
    if ((possible & detail::scheme_bit(scheme)) != 0) {
      scheme_ = scheme;
      break;
    }
  std::sort(names_.begin(), names_.end());
  const auto twice = std::adjacent_find(names_.begin(), names_.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != names_.end())
    fail<input_error>(place, ": ", detail::in_quotes(twice->second), " and ",
                      detail::in_quotes(std::next(twice)->second), " are the same tensor");
}

CANDOR_INLINE const std::string* tensor_names::stored(std::string_view canonical) const {
  const auto it = std::lower_bound(names_.begin(), names_.end(), canonical,
                                   [](const auto& pair, std::string_view n) { return pair.first < n; });
  return it != names_.end() && it->first == canonical ? &it->second : nullptr;
}

CANDOR_INLINE bool tensor_names::has_prefix(std::string_view prefix) const {
  const auto it = std::lower_bound(names_.begin(), names_.end(), prefix,
                                   [](const auto& pair, std::string_view n) { return pair.first < n; });
  return it != names_.end() && it->first.starts_with(prefix);
}

}  // namespace CANDOR_NS
