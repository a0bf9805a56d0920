// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The images of a pass as the decoder reads them, and the tower's output for a step's images, so that each
/// is encoded once where several passes show it.

#include <candor/model/llava_network.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// A record as the model takes it.
struct encoded_record {
  forest tree;
  std::vector<float> pixels;  ///< (images, 3 S S)
  double margin = 0;          ///< how much better its chosen answer is, where it says so
  std::vector<std::int32_t> images =
      {};  ///< of a part: their numbers in the whole record; empty: all of them
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

/// How many images a record has.
template <class B, class T>
std::int32_t images_in(const llava_network<B, T>& network, const encoded_record& record) {
  const auto& c = network.config().vision;
  return static_cast<std::int32_t>(static_cast<std::int64_t>(record.pixels.size()) /
                                   (std::int64_t{c.num_channels} * c.image_size * c.image_size));
}

/// What a tower that stays the same says of the images of a step's records: computed once, read by every pass
/// over them or over parts of them.
template <class B, class T>
class tower_cache {
 public:
  /// In calls of as many images as a pass of these records has.
  tower_cache(llava_network<B, T>& network, std::span<const encoded_record* const> records,
              const pack_options& packing)
      : network_(&network), rows_(network.config().image_tokens()), places_(records.size()) {
    tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
    for (const auto& batch : pack(trees_of(records), packing)) {
      const auto pixels = pass_pixels(network, batch, records);
      if (pixels.view().rows == 0) continue;
      std::int32_t row = 0;
      for (const auto f : batch.forests)
        for (std::int32_t i = 0; i < images_in(network, *records[static_cast<std::size_t>(f)]);
             ++i, row += rows_)
          places_[static_cast<std::size_t>(f)].push_back({chunks_.size(), row});
      chunks_.push_back(network.tower_features({.tape = quiet}, pixels.view()));
    }
  }

  /// tower_features of the images of a pass, (N image_tokens, C_vision). `records`: the same, or parts of
  /// them, in the same order.
  variable<B, T> operator()(const packed_batch& batch, std::span<const encoded_record* const> records) const {
    std::vector<std::vector<std::int32_t>> index(chunks_.size());  // (N image_tokens), -1: of another chunk
    std::int64_t count = 0;
    for (const auto f : batch.forests) {
      const auto& record = *records[static_cast<std::size_t>(f)];
      for (std::int32_t i = 0; i < images_in(*network_, record); ++i, count += rows_) {
        const std::int32_t number = record.images.empty() ? i : record.images[static_cast<std::size_t>(i)];
        const auto& [chunk, first] = places_[static_cast<std::size_t>(f)][static_cast<std::size_t>(number)];
        for (std::size_t c = 0; c < index.size(); ++c)
          for (std::int32_t r = 0; r < rows_; ++r) index[c].push_back(c == chunk ? first + r : -1);
      }
    }
    B& backend = network_->backend();
    variable<B, T> y(backend, shape{count, chunks_.front().cols()}, false);
    for (std::size_t c = 0; c < index.size(); ++c) {
      if (std::all_of(index[c].begin(), index[c].end(), [](std::int32_t row) { return row < 0; })) continue;
      const auto there = to_backend(backend, index[c]);
      backend.rows(count, y.cols(), gather_program<B, T>{chunks_[c].value(), there.view().data, y.value()});
    }
    return y;
  }

 private:
  struct place {
    std::size_t chunk = 0;
    std::int32_t row = 0;
  };

  const llava_network<B, T>* network_;
  std::int32_t rows_;                       // of an image
  std::vector<std::vector<place>> places_;  // [record][image]
  std::vector<variable<B, T>> chunks_;
};

/// The tower's output for a step's images, where it stays the same; else nothing.
template <class B, class T>
std::optional<tower_cache<B, T>> encode_once(llava_network<B, T>& network,
                                             std::span<const encoded_record* const> records,
                                             const pack_options& packing) {
  if (!network.tower_is_fixed()) return std::nullopt;
  return std::optional<tower_cache<B, T>>(std::in_place, network, records, packing);
}

/// Features of a pass's images, or nothing where it has none. `seen`: the tower's output for them.
template <class B, class T>
variable<B, T> pass_features(llava_network<B, T>& network, const forward_context<B>& context,
                             const packed_batch& batch, std::span<const encoded_record* const> records,
                             const tower_cache<B, T>* seen = nullptr) {
  std::vector<typename llava_network<B, T>::image_name> names;
  for (const auto f : batch.forests) {
    const auto& record = *records[static_cast<std::size_t>(f)];
    for (std::int32_t i = 0; i < images_in(network, record); ++i) names.push_back({record.tree.key, i});
  }
  if (seen != nullptr && !names.empty()) return network.project(context, (*seen)(batch, records), names);
  const auto pixels = pass_pixels(network, batch, records);
  if (pixels.view().rows == 0) return {};
  return network.image_features(context, pixels.view(), names);
}

}  // namespace CANDOR_NS
