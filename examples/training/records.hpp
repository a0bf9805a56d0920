// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The records that the options name, as an objective reads them.

#include <candor/data/preference_data.hpp>
#include <candor/objective/objective.hpp>
#include <candor/train/encode.hpp>

#include "training/options.hpp"
#include "training/skipped.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace training {

/// Pairs, or records with one answer where the objective scores no other; each has what the objective reads,
/// or is left out where the options say so. Two images for one text are a pair where a variant shows the
/// second. input_error names the first record that cannot be used.
template <class Objective>
candor::preference_data open_records(const std::filesystem::path& path, const options& o,
                                     const Objective& loss) {
  const auto variants = candor::variants_of(loss, o.fit.variants);
  const bool image_pairs =
      std::any_of(variants.begin(), variants.end(), [](const auto& variant) { return variant.second_image; });
  candor::preference_data data(path, {.images = o.images,
                                      .pairs = candor::cells_in<Objective> > 1,
                                      .image_pairs = image_pairs,
                                      .skip_bad_records = o.skip_bad_records,
                                      .ladder = o.ladder});
  if (o.skip_bad_records) {
    skip_unusable(data, o,
                  [&](const candor::processor& processor, candor::preference_record record, std::int64_t) {
                    candor::check_record(record, loss, variants);
                    if (candor::reads_mismatched(loss))
                      record.others = {record.chosen};  // stands for another's
                    candor::preference_tree(processor, record, loss, variants);
                    for (const auto& image : record.images) candor::load_image(image);
                  });
    // Another's answer may be too long for this record's images; whose it is changes with each that goes.
    bool changed = candor::reads_mismatched(loss);
    while (changed) {
      const std::size_t known = data.skipped().size();
      skip_unusable(data, o, [&](const candor::processor& processor, const auto&, std::int64_t index) {
        candor::preference_tree(processor, candor::objective_record(data, index, loss), loss, variants);
      });
      changed = data.skipped().size() != known;
    }
  } else if (!variants.empty() || candor::reads_margin(loss) || candor::branches_of(loss) > 2) {
    data.check_each([&](const auto& record) { candor::check_record(record, loss, variants); });
  }
  if (candor::reads_mismatched(loss)) candor::objective_record(data, 0, loss);
  return data;
}

/// Those of --eval-data, where it is given.
template <class Objective>
std::optional<candor::preference_data> open_eval_records(const options& o, const Objective& loss) {
  if (o.eval_data.empty()) return std::nullopt;
  return open_records(o.eval_data, o, loss);
}

}  // namespace training
