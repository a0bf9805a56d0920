// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The turns of a dialog as one text, to compare.

#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>

#include <string>
#include <vector>

namespace candor_test {

/// "[user|assistant]" of each turn.
inline std::string words_of(const std::vector<candor::turn>& turns) {
  std::string out;
  for (const auto& t : turns) out += candor::text("[", t.user, "|", t.assistant, "]");
  return out;
}

}  // namespace candor_test
