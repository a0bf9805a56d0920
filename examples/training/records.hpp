// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The records that the options name, as an objective reads them.

#include <candor/data/preference_data.hpp>
#include <candor/objective/objective.hpp>

#include "training/options.hpp"

#include <filesystem>
#include <optional>

namespace training {

/// Pairs, or records with one answer where the objective scores no other.
template <class Objective>
candor::preference_data open_records(const std::filesystem::path& path, const options& o) {
  return candor::preference_data(path, {.images = o.images, .pairs = candor::cells_in<Objective> > 1});
}

/// Those of --eval-data, where it is given.
template <class Objective>
std::optional<candor::preference_data> open_eval_records(const options& o) {
  if (o.eval_data.empty()) return std::nullopt;
  return open_records<Objective>(o.eval_data, o);
}

}  // namespace training
