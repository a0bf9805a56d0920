// SPDX-License-Identifier: Apache-2.0
// Element types mix through a cast alone.
// expect: element types mix only through a cast
#include <candor/core/scalar.hpp>
#include <candor/tensor/view.hpp>

struct host;
#if CANDOR_MUST_FAIL
using given = candor::view<host, candor::bfloat16>;
#else
using given = candor::view<host, float>;
#endif

float first(candor::view<host, const float> values);
float call(given values) { return first(values); }
