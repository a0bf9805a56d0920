// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Log-probs of forests: packed into passes, images encoded once a record.

#include <candor/model/pass_features.hpp>

#include <span>
#include <vector>

namespace CANDOR_NS {

struct scoring_options {
  pack_options packing = {};
  bool adapters = true;  ///< off: the reference inside a model with adapters
};

/// Log-probs in nats of every scored token: result[record][cell][place]. `seen`: the tower's output for them.
template <class B, class T>
std::vector<std::vector<std::vector<float>>> score(llava_network<B, T>& network,
                                                   std::span<const encoded_record* const> records,
                                                   const scoring_options& options = {},
                                                   const tower_cache<B, T>* seen = nullptr) {
  std::vector<std::vector<std::vector<float>>> result(records.size());
  for (std::size_t r = 0; r < records.size(); ++r) result[r].resize(records[r]->tree.cells.size());
  const auto trees = trees_of(records);
  for (const auto& batch : pack(trees, options.packing)) {
    tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
    const forward_context<B> context{.tape = quiet, .adapters = options.adapters};
    const auto log_probs =
        network.log_probs(context, batch, pass_features(network, context, batch, records, seen));
    const auto values = log_probs.storage().to_vector();
    for (std::size_t n = 0; n < values.size(); ++n) {
      const scored_token& s = batch.scored[n];
      auto& cell = result[static_cast<std::size_t>(s.forest)][static_cast<std::size_t>(s.cell)];
      if (cell.size() <= static_cast<std::size_t>(s.place))
        cell.resize(static_cast<std::size_t>(s.place) + 1);
      cell[static_cast<std::size_t>(s.place)] = static_cast<float>(values[n]);
    }
  }
  return result;
}

}  // namespace CANDOR_NS
