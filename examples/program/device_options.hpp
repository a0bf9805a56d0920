// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Where a program computes, as the user says it.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace program {

struct device_options {
  std::string device = "cpu";
  std::uint64_t memory_limit = 0;  ///< bytes, 0: none
  bool deterministic = false, tf32 = false, cudnn = false;
  std::filesystem::path product_file;
};

/// The number of the CUDA device that a word names, or nothing for the CPU. usage_error for other words.
std::optional<int> cuda_device_of(std::string_view word);

void add_device_options(CLI::App& app, device_options& o);

}  // namespace program
