// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The device as a backend of tests, which are skipped where there is none.

#include "support/backends.hpp"

#include <candor/backend/cuda/cuda.cuh>

namespace candor_test {

template <>
inline std::unique_ptr<candor::cuda> open_backend<candor::cuda>() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    skip("no CUDA device on this machine");
    return nullptr;
  }
  return std::make_unique<candor::cuda>(0);
}

}  // namespace candor_test
