// SPDX-License-Identifier: Apache-2.0
// A model of integers.
// expect: weights are float or bfloat16
#include <candor/model/llava.hpp>

#if CANDOR_MUST_FAIL
using element = int;
#else
using element = float;
#endif

std::size_t size_of_model() { return sizeof(candor::llava_network<candor::host, element>); }
