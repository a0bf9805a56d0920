// SPDX-License-Identifier: Apache-2.0
// Memory of another backend is no host memory.
// expect: copy what it shows to the other backend
#include "backend/archetype.hpp"

#include <candor/tensor/view.hpp>

struct host;
#if CANDOR_MUST_FAIL
using given = candor::view<candor_test::archetype<float>, float>;
#else
using given = candor::view<host, float>;
#endif

float first(candor::view<host, float> values);
float call(given values) { return first(values); }
