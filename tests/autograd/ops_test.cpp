// SPDX-License-Identifier: Apache-2.0
// The operations on the host, and on the host under the rules of a device.
#include "backend/guarded.hpp"

#define CANDOR_TEST_BACKENDS candor::host, candor_test::guarded
#include "autograd/low_rank_cases.hpp"
#include "autograd/operation_cases.hpp"
