// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The guarded backend with the device's kernels for row programs: warps and blocks of fibers.

#include "backend/guarded.hpp"
#include "cuda/simt.hpp"

#include <candor/backend/cuda/row_kernel.hpp>

#include <algorithm>

namespace candor_test {

struct emulated_rows {
  static constexpr std::int64_t most_blocks = 3;  // few, so that each goes over several rows

  template <class Program>
  static void run(candor::host&, std::int64_t count, std::int64_t width, const Program& program) {
    if (candor::device::takes_block<Program>(width))
      launch<candor::device::block_rows_kernel<Program>>(count, program);
    else
      launch<candor::device::warp_rows_kernel<Program>>(count, program);
  }

 private:
  template <class Kernel, class Program>
  static void launch(std::int64_t count, const Program& program) {
    const auto blocks = std::min(candor::device::row_blocks(count, Kernel::rows_at_once), most_blocks);
    if (blocks <= 0) return;
    static simt device;
    device.launch(Kernel{program, count}, {.x = static_cast<int>(blocks)}, Kernel::shared_bytes);
  }
};

using emulated = guarded_with<emulated_rows>;
static_assert(candor::backend<emulated, float> && candor::backend<emulated, candor::bfloat16>);

}  // namespace candor_test
