// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A record's forest with its stem once more for each image variant: what stands before the first image is
/// shared, and each stem has only the branches that are scored under it. A part of such a forest is a record
/// of some of its cells.

#include <candor/data/forest.hpp>
#include <candor/model/scoring.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace CANDOR_NS {

/// Builds the forest. Image variant 0 is the record's own; rows of variant v's images follow those of v - 1.
class variant_forest {
 public:
  /// `plain`: the stem as segment 0, and for each branch a cell that scores it.
  variant_forest(forest plain, std::int32_t variants);

  /// The cell of a branch under the images of a variant.
  scored_path path(std::int32_t branch, std::int32_t variant);

  /// What was built so far, without cells.
  const forest& built() const { return built_; }
  forest take() { return std::move(built_); }

 private:
  std::int32_t segment_of(std::int32_t plain, std::int32_t variant);

  forest plain_, built_;
  std::int32_t before_ = 0;                          // tokens of the stem in front of its first image
  std::vector<std::vector<std::int32_t>> built_of_;  // [variant][plain segment], -1 where there is none yet
};

/// A record with these cells alone, under their numbers; the others are empty. Segments and images that none
/// of them needs are left out.
encoded_record part_of(const encoded_record& whole, std::span<const std::int32_t> cells);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/variant_forest_impl.hpp>
#endif
