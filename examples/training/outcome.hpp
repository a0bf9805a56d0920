// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a training program brings home.

#include <candor/train/fit_result.hpp>

#include <cstdint>
#include <filesystem>

namespace training {

struct outcome {
  std::filesystem::path saved;  ///< model folder or adapter folder
  candor::fit_result run;
  std::uint64_t peak_bytes = 0;  ///< of the backend's memory
};

}  // namespace training
