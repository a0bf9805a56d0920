// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Low-rank corrections on the backends that CANDOR_TEST_BACKENDS lists. Included by one unit of an executable.

#include "autograd/finite_differences.hpp"
#include "support/backends.hpp"

#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/low_rank.hpp>

#include <memory>
#include <vector>

namespace candor_test {

TEMPLATE_TEST_CASE("the gradients of low-rank corrections agree with differences", "[autograd][low_rank]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  using part = candor::low_rank_part<B, double>;
  const auto x = random_variable(backend, {5, 6}, 1);
  auto w = random_parameter(backend, "w", {9, 6}, 2), a = random_parameter(backend, "a", {2, 6}, 3),
       b = random_parameter(backend, "b", {4, 2}, 4), other_a = random_parameter(backend, "c", {3, 6}, 5),
       other_b = random_parameter(backend, "d", {2, 3}, 6);
  auto keys = std::make_shared<candor::tensor<B, std::uint64_t>>(
      candor::tensor<B, std::uint64_t>::from(backend, {5}, std::vector<std::uint64_t>{11, 12, 13, 14, 15}));
  for (const double dropout : {0.0, 0.5}) {
    x.drop_gradient();
    for (auto* p : {&w, &a, &b, &other_a, &other_b}) p->drop_gradient();
    check_gradients(backend, {x}, {&w, &a, &b, &other_a, &other_b}, [&](auto& tape) {
      auto y = candor::linear(tape, x, w);
      candor::add_low_rank(tape, y, x, {part{2, &a, &b, 1.5}, part{6, &other_a, &other_b, 0.5}}, {dropout, 1, 2, 3},
                           keys);
      candor::add_low_rank(tape, y, x, {part{1, &a, &b, 0.7}});  // used twice
      return y;
    });
  }
}

TEMPLATE_TEST_CASE("corrections of one input are those of each by itself, and frozen parts get no gradient",
                   "[autograd][low_rank]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  using part = candor::low_rank_part<B, double>;
  const auto x = random_variable(backend, {5, 6}, 1);
  auto w = random_parameter(backend, "w", {9, 6}, 2), a = random_parameter(backend, "a", {2, 6}, 3),
       b = random_parameter(backend, "b", {4, 2}, 4), other_a = random_parameter(backend, "c", {3, 6}, 5),
       other_b = random_parameter(backend, "d", {2, 3}, 6);
  a.set_trainable(false);
  other_b.set_trainable(false);
  const auto run = [&](bool together) {
    x.drop_gradient();
    for (auto* p : {&w, &b, &other_a}) p->drop_gradient();
    candor::tape<B> tape(backend);
    const auto y = candor::linear(tape, x, w);
    const part one{0, &a, &b, 1.5}, two{7, &other_a, &other_b, 0.5};
    if (together) {
      candor::add_low_rank(tape, y, x, {one, two});
    } else {
      candor::add_low_rank(tape, y, x, {one});
      candor::add_low_rank(tape, y, x, {two});
    }
    set_gradient(y, random_values(y.extents().size(), 99));
    tape.backward();
    auto out = y.storage().to_vector();
    for (const auto& gradient : {values_of<B>(backend, x.gradient()), w.gradient().to_vector(),
                                 b.gradient().to_vector(), other_a.gradient().to_vector()})
      out.insert(out.end(), gradient.begin(), gradient.end());
    CHECK_FALSE(a.has_gradient());
    CHECK_FALSE(other_b.has_gradient());
    return out;
  };
  const auto apart = run(false), together = run(true);
  REQUIRE(apart.size() == together.size());
  for (std::size_t i = 0; i < apart.size(); ++i) CHECK(together[i] == Approx(apart[i]).epsilon(1e-13).margin(1e-13));
}

}  // namespace candor_test
