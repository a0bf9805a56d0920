// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The records that the options name, as an objective reads them.

#include <candor/data/preference_data.hpp>
#include <candor/objective/objective.hpp>

#include "training/options.hpp"
#include "training/skipped.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace training {

/// Pairs, or records with one answer where the objective scores no other. Two images for one text are a pair
/// where a variant shows the second.
template <class Objective>
candor::preference_data open_records(const std::filesystem::path& path, const options& o) {
  const auto& variants = o.fit.variants;
  const bool image_pairs =
      std::any_of(variants.begin(), variants.end(), [](const auto& variant) { return variant.second_image; });
  candor::preference_data data(path, {.images = o.images,
                                      .pairs = candor::cells_in<Objective> > 1,
                                      .image_pairs = image_pairs,
                                      .skip_bad_records = o.skip_bad_records,
                                      .ladder = o.ladder});
  if (o.skip_bad_records) skip_unusable(data, o);
  return data;
}

/// Those of --eval-data, where it is given.
template <class Objective>
std::optional<candor::preference_data> open_eval_records(const options& o) {
  if (o.eval_data.empty()) return std::nullopt;
  return open_records<Objective>(o.eval_data, o);
}

}  // namespace training
