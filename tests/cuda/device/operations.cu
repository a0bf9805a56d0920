// SPDX-License-Identifier: Apache-2.0
// The operations on the device.
#include "cuda/device/with_device.cuh"

#define CANDOR_TEST_BACKENDS candor::cuda
#include "autograd/low_rank_cases.hpp"
#include "autograd/operation_cases.hpp"
