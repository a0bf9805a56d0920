// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The divergence from a reference and its gradients against PyTorch's (golden/make_kl.py), for any backend.

#include "support/catch.hpp"

#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/io/safetensors.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace candor_test {

/// Largest difference, of the largest expected value's size.
template <class X>
double worst_of(const std::vector<X>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0, size = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    worst = std::max(
        worst, std::abs(static_cast<double>(static_cast<candor::accumulator_t<X>>(found[i])) - expected[i]));
    size = std::max(size, std::abs(expected[i]));
  }
  return worst / size;
}

/// With elements T; `sums` bounds values in the accumulator's type, `stored` those that are kept as T.
template <class T, class B>
void check_kl_against_torch(B& backend, double sums, double stored) {
  using A = candor::accumulator_t<T>;
  const candor::safetensors_file file(golden("autograd/kl.safetensors"));
  const auto expected = [&](const std::string& name) { return file.read_as<double>(*file.find(name)); };
  const auto tensor_of = [&](const std::string& name) {
    const auto& info = *file.find(name);
    return candor::tensor<B, T>::from(backend, info.extents, file.read_as<T>(info));
  };
  const candor::variable<B, T> hidden(tensor_of("hidden"), true),
      reference(tensor_of("reference_hidden"), false);
  candor::parameter<B, T> weight(backend, "w", file.find("weight")->extents),
      reference_weight(backend, "r", file.find("reference_weight")->extents);
  weight.storage() = tensor_of("weight");
  reference_weight.storage() = tensor_of("reference_weight");
  const auto d = file.read_as<A>(*file.find("d"));

  for (const std::string direction : {"forward", "reverse"}) {
    INFO(direction);
    hidden.drop_gradient();
    weight.drop_gradient();
    candor::tape<B> tape(backend);
    const auto kl = candor::head_kl(
        tape, hidden, weight, reference, reference_weight,
        direction == "forward" ? candor::kl_direction::forward : candor::kl_direction::reverse,
        {.chunk_rows = 4, .kept_bytes = 4 * 131 * sizeof(A)});  // of three chunks one is kept
    CHECK(worst_of(kl.storage().to_vector(), expected(direction + "/kl")) < sums);
    backend.copy_in(kl.sink().d.data, d.data(), d.size() * sizeof(A));
    tape.backward();
    std::vector<T> d_hidden(static_cast<std::size_t>(hidden.extents().size()));
    backend.copy_out(d_hidden.data(), hidden.gradient().data, d_hidden.size() * sizeof(T));
    CHECK(worst_of(d_hidden, expected(direction + "/d_hidden")) < stored);
    CHECK(worst_of(weight.gradient().to_vector(), expected(direction + "/d_weight")) < stored);
  }

  candor::tape<B> quiet(backend, candor::tape<B>::mode::evaluate);
  candor::tensor<B, A> squares(backend, candor::shape{hidden.rows()});
  candor::head_targets none;
  none.starts.resize(static_cast<std::size_t>(hidden.rows()) + 1);
  candor::head_log_probs(quiet, hidden, weight, none, {.chunk_rows = 4}, &squares);
  CHECK(worst_of(squares.to_vector(), expected("log_squares")) < sums);
}

}  // namespace candor_test
