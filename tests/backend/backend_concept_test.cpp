// SPDX-License-Identifier: Apache-2.0
// The concept of a backend holds for its archetype, and without any single member it does not.
#include "backend/archetype.hpp"
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>

namespace {

using candor_test::archetype;
using candor_test::member;

template <member M, class T = float>
constexpr bool is_needed = candor::backend<archetype<T>, T> && !candor::backend<archetype<T, M>, T>;

}  // namespace

TEST_CASE("a backend that lacks one member is none", "[backend][concept]") {
  STATIC_REQUIRE(is_needed<member::name>);
  STATIC_REQUIRE(is_needed<member::allocate>);
  STATIC_REQUIRE(is_needed<member::release>);
  STATIC_REQUIRE(is_needed<member::zero>);
  STATIC_REQUIRE(is_needed<member::copy>);
  STATIC_REQUIRE(is_needed<member::copy_in>);
  STATIC_REQUIRE(is_needed<member::copy_out>);
  STATIC_REQUIRE(is_needed<member::rows>);
  STATIC_REQUIRE(is_needed<member::matmul, candor::bfloat16>);
  STATIC_REQUIRE(is_needed<member::matmul_to_accumulator, candor::bfloat16>);
  STATIC_REQUIRE(is_needed<member::attention_forward>);
  STATIC_REQUIRE(is_needed<member::attention_backward>);
  STATIC_REQUIRE(is_needed<member::attention_decode>);
}

TEST_CASE("an archetype computes with one element type", "[backend][concept]") {
  STATIC_REQUIRE(candor::backend<archetype<candor::bfloat16>, candor::bfloat16>);
  STATIC_REQUIRE(!candor::backend<archetype<candor::bfloat16>, float>);
  STATIC_REQUIRE(candor::backend<candor::host, float>);
}
