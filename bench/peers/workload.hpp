// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The pairs of a step as the races' files hold them, with the log-probs that the reference gives their answers.

#include <candor/io/safetensors.hpp>
#include <candor/model/scoring.hpp>

#include "peers/read.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace candor_bench {

/// Not to be moved: views of it are kept.
struct workload {
  std::vector<candor::encoded_record> records;
  std::vector<const candor::encoded_record*> pointers;
  std::vector<std::vector<std::vector<float>>> reference;  // pair, cell, token: nats
  std::vector<std::vector<std::span<const float>>> reference_views;

  workload(const std::filesystem::path& path, const candor::llava_config& config) {
    const candor::safetensors_file file(path);
    const auto pixels = read<float>(file, "pixel_values");
    const auto pairs = file.find("pixel_values")->dims[0];
    for (std::size_t i = 0; i < pairs; ++i) {
      candor::encoded_record record;
      candor::segment stem;
      for (std::int32_t t = 0; t < config.image_tokens(); ++t) stem.tokens.push_back(candor::image_row(t));
      for (const auto id : read<std::int32_t>(file, candor::text("question.", i))) stem.tokens.push_back(id);
      record.tree.segments.push_back(std::move(stem));
      record.tree.images = 1;
      record.tree.feature_rows = config.image_tokens();
      auto& expected = reference.emplace_back();
      for (const char* name : {"chosen", "rejected"}) {
        record.tree.segments.push_back(
            {.tokens = read<std::int32_t>(file, candor::text(name, ".", i)), .parent = 0});
        record.tree.cells.push_back({{static_cast<std::int32_t>(record.tree.segments.size()) - 1, {}}});
        expected.push_back(read<float>(file, candor::text("reference.", name, ".", i)));
      }
      const auto size = pixels.size() / pairs;
      record.pixels.assign(pixels.begin() + static_cast<std::ptrdiff_t>(i * size),
                           pixels.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
      records.push_back(std::move(record));
    }
    for (const auto& r : records) pointers.push_back(&r);
    for (const auto& r : reference) reference_views.emplace_back(r.begin(), r.end());
  }
  workload(const workload&) = delete;

  /// Tokens of the longest pair, its stem counted twice where it is not shared.
  std::int64_t longest(candor::layout_kind layout) const {
    std::int64_t most = 0;
    for (const auto& r : records) {
      const auto stem = static_cast<std::int64_t>(r.tree.segments.front().tokens.size());
      most = std::max(most, r.tree.tokens() + (layout == candor::layout_kind::shared ? 0 : stem));
    }
    return most;
  }
};

}  // namespace candor_bench
