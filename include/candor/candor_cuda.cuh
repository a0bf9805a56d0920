// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Adds the device to what candor.hpp gives, for units that nvcc compiles.

#include <candor/candor.hpp>

#include <candor/backend/cuda/attention.cuh>
#include <candor/backend/cuda/cuda.cuh>
#include <candor/backend/cuda/device_lane.cuh>
