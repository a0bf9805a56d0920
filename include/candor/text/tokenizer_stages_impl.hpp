// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The stages of a tokenizer.json, for implementation files. Inline in every build.

#include <candor/io/json_field_impl.hpp>

#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

/// The members of a `Sequence`, or the thing itself; nothing for null.
inline std::vector<json_field> stages_of(const json_field& root, std::string_view key,
                                         std::string_view list) {
  const auto whole = root.find(key);
  if (!whole) return {};
  if ((*whole)["type"].string() == "Sequence") return (*whole)[list].items();
  return {*whole};
}

}  // namespace CANDOR_NS::detail
