// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a training program brings home.

#include <candor/train/fit_result.hpp>
#include <candor/train/progress.hpp>
#include <candor/train/table.hpp>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>

namespace training {

struct outcome {
  std::filesystem::path saved;  ///< model folder or adapter folder
  candor::fit_result run;
  std::uint64_t peak_bytes = 0;  ///< of the backend's memory
};

/// "4.25 GiB", or "12.3 MiB" of less than a tenth of that.
inline std::string memory_text(double bytes) {
  return bytes < 0.1 * (1 << 30) ? candor::fixed(bytes / (1 << 20), 1) + " MiB"
                                 : candor::fixed(bytes / (1 << 30), 2) + " GiB";
}

/// "12 steps in 0:31, last loss 0.6931, at most 4.25 GiB of memory"
inline std::string summary(const outcome& o) {
  return candor::text(o.run.steps, " steps in ", candor::clock_text(o.run.seconds),
                      std::isnan(o.run.loss) ? std::string() : ", last loss " + candor::fixed(o.run.loss, 4),
                      ", at most ", memory_text(static_cast<double>(o.peak_bytes)), " of memory");
}

}  // namespace training
