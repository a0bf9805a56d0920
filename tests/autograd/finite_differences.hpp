// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Gradients of operations against central differences in double: the loss is a fixed random combination of the
/// operation's output, and every element of every input and parameter is moved.

#include "support/catch.hpp"

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace candor_test {

using candor::host;
using candor::shape;

inline std::vector<double> random_values(std::int64_t n, std::uint64_t seed, double scale = 1.0) {
  candor::random_stream random(seed, 7);
  std::vector<double> out(static_cast<std::size_t>(n));
  for (auto& v : out) v = scale * static_cast<double>(random.normal());
  return out;
}

inline candor::variable<host, double> random_variable(host& cpu, const shape& s, std::uint64_t seed, double scale = 1.0) {
  return {candor::tensor<host, double>::from(cpu, s, random_values(s.size(), seed, scale)), true};
}

inline candor::parameter<host, double> random_parameter(host& cpu, std::string name, const shape& s, std::uint64_t seed,
                                                        double scale = 1.0) {
  candor::parameter<host, double> p(cpu, std::move(name), s);
  p.storage().copy_from(random_values(s.size(), seed, scale));
  return p;
}

/// `forward(tape)` gives the operation's output from the inputs and parameters that it refers to.
template <class Forward>
void check_gradients(host& cpu, std::vector<candor::variable<host, double>> inputs,
                     std::vector<candor::parameter<host, double>*> parameters, Forward forward, double tolerance = 1e-7) {
  using tape = candor::tape<host>;
  tape recorded(cpu);
  const auto y = forward(recorded);
  const auto weights = random_values(y.extents().size(), 99);
  const auto y_sink = y.sink();
  for (std::int64_t i = 0; i < y.extents().size(); ++i) y_sink.d.data[i] = weights[static_cast<std::size_t>(i)];
  recorded.backward();

  const auto loss = [&] {
    tape quiet(cpu, tape::mode::evaluate);
    const auto out = forward(quiet);
    double sum = 0;
    for (std::int64_t i = 0; i < out.extents().size(); ++i) sum += out.value().data[i] * weights[static_cast<std::size_t>(i)];
    return sum;
  };
  const auto check = [&](const std::string& what, double* values, const double* gradient, std::int64_t n) {
    double norm = 1e-3;
    for (std::int64_t i = 0; i < n; ++i) norm = std::max(norm, std::abs(gradient[i]));
    for (std::int64_t i = 0; i < n; ++i) {
      const double kept = values[i], step = 1e-5;
      values[i] = kept + step;
      const double up = loss();
      values[i] = kept - step;
      const double down = loss();
      values[i] = kept;
      INFO(what << " element " << i);
      REQUIRE(gradient[i] == Approx((up - down) / (2 * step)).margin(tolerance * norm * 10).epsilon(tolerance));
    }
  };
  for (std::size_t v = 0; v < inputs.size(); ++v)
    check("input " + std::to_string(v), inputs[v].value().data, inputs[v].gradient().data, inputs[v].extents().size());
  for (auto* p : parameters)
    check("parameter " + p->name(), p->storage().view().data, p->gradient().view().data, p->size());
}

}  // namespace candor_test
