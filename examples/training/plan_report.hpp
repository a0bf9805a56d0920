// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The tables of a dry run: steps, memory, disk.

#include "training/memory_plan.hpp"
#include "training/options.hpp"

#include <cstdint>
#include <string>

namespace training {

struct plan_facts {
  std::int64_t records = 0, trained_on = 0, evaluated_on = 0;
  double tokens_of_record = 0, scored_of_record = 0;  ///< means over a sample
  double pixel_bytes_of_record = 0;                   ///< of the transformed images
  double cached_records = 0;  ///< rows of the cache of reference log-probs, each epoch's own counted
};

/// Bytes beside the tensors: pictures that are decoded ahead, the program with its libraries.
double image_bytes(const options& o, const plan_facts& facts);
inline constexpr double program_bytes = 70e6;

std::string plan_report(const options& o, const plan_facts& facts, const memory_plan& memory);

}  // namespace training
