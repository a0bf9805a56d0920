// SPDX-License-Identifier: Apache-2.0
#pragma once
// A launch: blocks one after the other, the threads of a warp one after the other until they meet in an
// operation of the warp, warps until they meet at a barrier.

#include "cuda/simulator/device_memory.hpp"
#include "cuda/simulator/program.hpp"
#include "cuda/simulator/shared_memory.hpp"

namespace simulator {

struct launch_shape {
  std::uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  std::size_t shared_bytes = 0;
};

/// Runs a kernel whose parameters are in place. Throws device_fault with kernel, block, thread and
/// instruction.
void run_grid(const kernel& k, const launch_shape& shape, device_memory& global);

}  // namespace simulator
