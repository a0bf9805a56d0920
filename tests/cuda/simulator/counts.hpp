// SPDX-License-Identifier: Apache-2.0
#pragma once
// What kernels ask of a device, where CANDOR_SIMULATOR_COUNTS names a file: instructions, bytes of global
// memory, and the pieces of 32 bytes in which a warp gets them. A line a kernel is written when the program
// ends.

#include "cuda/simulator/thread.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace simulator {

/// Of all launches of a kernel.
struct kernel_counts {
  std::uint64_t launches = 0, instructions = 0;  // those of all threads
  std::uint64_t bytes = 0, pieces = 0;           // that threads asked for; of 32 bytes
};

/// Whether somebody wants them.
bool counting();
/// The counts of a kernel, to be added to.
kernel_counts& counts_of(const std::string& kernel);
/// Adds what the lanes of a warp asked for, instruction by instruction, and forgets it.
void add_traffic(std::span<std::vector<memory_access>> lanes, kernel_counts& to);

}  // namespace simulator
