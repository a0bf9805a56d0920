// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Records set aside for evaluation: a seeded random choice that is the same on every machine.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace CANDOR_NS {

struct split_options {
  double eval_fraction = 0.0;   ///< share of the records, in [0, 1), rounded to whole records
  std::int64_t eval_count = 0;  ///< or their number
  std::uint64_t seed = 0;
};

/// Indices of records, each list ascending, together all of them once.
struct data_split {
  std::vector<std::int64_t> train, eval;
};

/// Splits 0 ... count-1. With one seed, a larger evaluation set contains the smaller one. usage_error where
/// both a share and a number are given, or where nothing would be left to train on.
inline data_split split_records(std::int64_t count, const split_options& options) {
  require<usage_error>(options.eval_fraction == 0.0 || options.eval_count == 0, "[split] a share of ",
                       options.eval_fraction, " and ", options.eval_count,
                       " records are asked for evaluation; give one of the two");
  require<usage_error>(options.eval_fraction >= 0.0 && options.eval_fraction < 1.0, "[split] the share ",
                       options.eval_fraction, " of records for evaluation must be at least 0 and below 1");
  const std::int64_t held = options.eval_fraction > 0.0
                                ? std::llround(options.eval_fraction * static_cast<double>(count))
                                : options.eval_count;
  require<usage_error>(held >= 0 && (held < count || held == 0), "[split] ", held, " of ", count,
                       " records are asked for evaluation; at least one must be left to train on");
  constexpr std::uint64_t stream = 0x73706c6974;  // "split": no other use draws from it
  const auto order = random_stream(options.seed, stream).permutation(count);
  data_split split;
  split.eval.assign(order.begin(), order.begin() + held);
  split.train.assign(order.begin() + held, order.end());
  std::sort(split.eval.begin(), split.eval.end());
  std::sort(split.train.begin(), split.train.end());
  return split;
}

}  // namespace CANDOR_NS
