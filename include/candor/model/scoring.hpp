// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Log-probs of forests: packed into passes, images encoded once a record.

#include <candor/model/llava_network.hpp>

#include <span>
#include <vector>

namespace CANDOR_NS {

/// A record as the model takes it.
struct encoded_record {
  forest tree;
  std::vector<float> pixels;  ///< (images, 3 S S)
  double margin = 0;          ///< how much better its chosen answer is, where it says so
};

/// The images of a pass, in the order of its feature rows: (N, 3 S S).
template <class B, class T>
tensor<B, float> pass_pixels(llava_network<B, T>& network, const packed_batch& batch,
                             std::span<const encoded_record* const> records) {
  const auto& c = network.config().vision;
  const std::int64_t width = std::int64_t{c.num_channels} * c.image_size * c.image_size;
  std::vector<float> all;
  for (const auto f : batch.forests) {
    const auto& pixels = records[static_cast<std::size_t>(f)]->pixels;
    all.insert(all.end(), pixels.begin(), pixels.end());
  }
  require<shape_error>(static_cast<std::int64_t>(all.size()) % width == 0, "[pass_pixels] ", all.size(),
                       " pixel values are no whole number of images of ", width);
  return tensor<B, float>::from(network.backend(),
                                shape{static_cast<std::int64_t>(all.size()) / width, width}, all);
}

/// The forests of records, as `pack` takes them.
inline std::vector<const forest*> trees_of(std::span<const encoded_record* const> records) {
  std::vector<const forest*> trees;
  for (const auto* r : records) trees.push_back(&r->tree);
  return trees;
}

/// Features of a pass's images, or nothing where it has none.
template <class B, class T>
variable<B, T> pass_features(llava_network<B, T>& network, const forward_context<B>& context,
                             const packed_batch& batch, std::span<const encoded_record* const> records) {
  const auto pixels = pass_pixels(network, batch, records);
  const std::int64_t width = pixels.view().cols;
  if (pixels.view().rows == 0) return {};
  std::vector<typename llava_network<B, T>::image_name> names;
  for (const auto f : batch.forests) {
    const auto& record = *records[static_cast<std::size_t>(f)];
    const auto images = static_cast<std::int32_t>(static_cast<std::int64_t>(record.pixels.size()) / width);
    for (std::int32_t i = 0; i < images; ++i) names.push_back({record.tree.key, i});
  }
  return network.image_features(context, pixels.view(), names);
}

struct scoring_options {
  pack_options packing = {};
  bool adapters = true;  ///< off: the reference inside a model with adapters
};

/// Log-probs in nats of every scored token: result[record][cell][place].
template <class B, class T>
std::vector<std::vector<std::vector<float>>> score(llava_network<B, T>& network,
                                                   std::span<const encoded_record* const> records,
                                                   const scoring_options& options = {}) {
  std::vector<std::vector<std::vector<float>>> result(records.size());
  for (std::size_t r = 0; r < records.size(); ++r) result[r].resize(records[r]->tree.cells.size());
  const auto trees = trees_of(records);
  for (const auto& batch : pack(trees, options.packing)) {
    tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
    const forward_context<B> context{.tape = quiet, .adapters = options.adapters};
    const auto log_probs = network.log_probs(context, batch, pass_features(network, context, batch, records));
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
