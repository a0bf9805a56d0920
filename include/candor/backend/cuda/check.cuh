// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Errors of the CUDA runtime and of cuBLASLt as exceptions that name the operation.

#include <candor/backend/cuda/device_error.hpp>
#include <candor/core/error.hpp>

#include <cublasLt.h>
#include <cuda_runtime.h>

namespace CANDOR_NS::device {

/// Throws where a call of the runtime failed. `operation` is joined only then.
template <class... Parts>
void check(cudaError_t status, const Parts&... operation) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // an error that does not stay is forgotten here
  refuse_device(text(operation...), cudaGetErrorName(status), cudaGetErrorString(status));
}

template <class... Parts>
void check(cublasStatus_t status, const Parts&... operation) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  refuse_device(text(operation...), cublasLtGetStatusName(status), cublasLtGetStatusString(status));
}

}  // namespace CANDOR_NS::device
