// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The order in which a run takes its records: epoch after epoch, each shuffled anew by the run's seed, so
/// that any place of the endless sequence can be told without those before it.

#include <candor/core/random.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace CANDOR_NS {

class record_order {
 public:
  record_order(std::vector<std::int64_t> records, bool shuffle, std::uint64_t seed)
      : records_(std::move(records)), shuffle_(shuffle), seed_(seed) {}

  std::int64_t size() const { return static_cast<std::int64_t>(records_.size()); }

  /// The record at a place, counted from 0 over all epochs.
  std::int64_t at(std::int64_t place) {
    const std::int64_t epoch = place / size();
    if (shuffle_ && epoch != epoch_) {
      constexpr std::uint64_t stream = 0x65706f6368;  // "epoch": no other use draws from it
      order_ = random_stream(seed_, stream + static_cast<std::uint64_t>(epoch)).permutation(size());
      epoch_ = epoch;
    }
    const std::int64_t i = shuffle_ ? order_[static_cast<std::size_t>(place % size())] : place % size();
    return records_[static_cast<std::size_t>(i)];
  }

 private:
  std::vector<std::int64_t> records_;
  bool shuffle_;
  std::uint64_t seed_;
  std::vector<std::int64_t> order_;  // of the epoch that is being read
  std::int64_t epoch_ = -1;
};

}  // namespace CANDOR_NS
