// SPDX-License-Identifier: Apache-2.0
// A model on a backend that cannot zero memory: the message names the missing member.
// expect: what backend/backend\.hpp asks for
// expect: b\.zero\(data, bytes\)
#include "backend/archetype.hpp"

#include <candor/model/llava_network.hpp>

#if CANDOR_MUST_FAIL
using backend = candor_test::archetype<float, candor_test::member::zero>;
#else
using backend = candor_test::archetype<float>;
#endif

std::size_t size_of_model() { return sizeof(candor::llava_network<backend, float>); }
