// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a checkpoint keeps besides weights and optimizer: trainer_state.json.

#include <candor/train/best_model.hpp>
#include <candor/train/guard.hpp>
#include <candor/train/metrics.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct trainer_state {
  std::int64_t global_step = 0;      ///< optimizer steps that are done, skipped ones included
  std::int64_t optimizer_steps = 0;  ///< steps that changed the weights
  double num_tokens = 0;             ///< tokens that were computed
  std::uint64_t metrics_offset = 0;  ///< bytes of metrics.jsonl
  bool evaluation_due = false;       ///< stopped while the step's evaluation ran: it runs again
  numeric_guard_state guard = {};
  best_model_state best = {};
  std::vector<metric_sum> window = {};  ///< of the logging window that is open
  std::string statistics = {};          ///< the objective's, bytes in hexadecimal
};

void write_trainer_state(const std::filesystem::path& path, const trainer_state& state);
/// input_error where the file is missing, malformed or lacks a value.
trainer_state read_trainer_state(const std::filesystem::path& path);

/// Bytes as hexadecimal digits, for values that JSON cannot hold exactly.
std::string hexadecimal(std::span<const std::byte> bytes);
/// The other way; false where the text has another length or other characters.
bool from_hexadecimal(std::string_view digits, std::span<std::byte> bytes);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/trainer_state_impl.hpp>
#endif
