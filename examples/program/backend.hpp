// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The backend that --device names. CMake compiles units that include this file as CUDA where the preset
/// `cuda` is used (CANDOR_HAS_CUDA), with candor_cuda.cuh in front; in any other build, they know the CPU
/// alone.

#include <candor/backend/host/host.hpp>

#include "program/device_options.hpp"

#ifndef CANDOR_HAS_CUDA
#define CANDOR_HAS_CUDA 0
#endif

namespace program {

/// work(backend) with the backend that the options name. usage_error where this build or machine lacks it.
template <class Work>
void with_backend(const device_options& o, int threads, Work&& work) {
  const auto device = cuda_device_of(o.device);
#if CANDOR_HAS_CUDA
  if (device) {
    candor::cuda gpu({.device = *device,
                      .memory_limit = o.memory_limit,
                      .deterministic = o.deterministic,
                      .tf32 = o.tf32,
                      .product_file = o.product_file,
                      .cudnn = o.cudnn});
    work(gpu);
    gpu.save_products();
    return;
  }
#else
  candor::require<candor::usage_error>(!device, "--device ", o.device,
                                       ": this program was built without CUDA; build it with the preset cuda "
                                       "(cmake --preset cuda), or use --device cpu");
#endif
  candor::host cpu({.threads = threads, .memory_limit = o.memory_limit});
  work(cpu);
}

}  // namespace program
