// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Reference log-probs on disk: those of the scored positions alone, with a fingerprint of all that they depend
/// on (weights, tokenizer, template, image transform, data). A stale cache is refused by the part that differs.
/// The file is a safetensors file: `offsets` (cells + 1) and `log_probs`, nats; cells are record-major.

#include <candor/core/fingerprint.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace CANDOR_NS {

class reference_cache {
 public:
  /// An empty cache for `cells` cells a record, to be filled record by record.
  explicit reference_cache(std::int64_t cells_per_record) : cells_(cells_per_record) {}

  /// Opens a cache of at most `records` records; fewer where its making was interrupted. input_error where it was
  /// made for something else, naming which part, or is damaged.
  static reference_cache load(const std::filesystem::path& path, const fingerprint& expected, std::int64_t records,
                              std::int64_t cells_per_record);

  /// Appends a record: one list of log-probs for each cell.
  void append(std::span<const std::vector<float>> record);
  std::int64_t records() const { return (static_cast<std::int64_t>(offsets_.size()) - 1) / cells_; }
  std::span<const float> log_probs(std::int64_t record, std::int64_t cell) const;

  void save(const std::filesystem::path& path, const fingerprint& of) const;

 private:
  std::int64_t cells_;
  std::vector<std::int64_t> offsets_{0};
  std::vector<float> log_probs_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/reference_cache_impl.hpp>
#endif
