// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Gradients of operations on any backend against central differences in double: the loss is a fixed random
/// combination of the operation's output, and every element of every input and parameter is moved.

#include "support/catch.hpp"

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/tape.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace candor_test {

using candor::shape;

inline std::vector<double> random_values(std::int64_t n, std::uint64_t seed, double scale = 1.0) {
  candor::random_stream random(seed, 7);
  std::vector<double> out(static_cast<std::size_t>(n));
  for (auto& v : out) v = scale * static_cast<double>(random.normal());
  return out;
}

template <class B>
candor::variable<B, double> random_variable(B& backend, const shape& s, std::uint64_t seed,
                                            double scale = 1.0) {
  return {candor::tensor<B, double>::from(backend, s, random_values(s.size(), seed, scale)), true};
}

template <class B>
candor::parameter<B, double> random_parameter(B& backend, std::string name, const shape& s,
                                              std::uint64_t seed, double scale = 1.0) {
  candor::parameter<B, double> p(backend, std::move(name), s);
  p.storage().copy_from(random_values(s.size(), seed, scale));
  return p;
}

/// Sets the gradient of a variable.
template <class B>
void set_gradient(const candor::variable<B, double>& y, const std::vector<double>& values) {
  y.storage().backend().copy_in(y.sink().d.data, values.data(), values.size() * sizeof(double));
}
/// What a view without gaps shows.
template <class B>
std::vector<double> values_of(B& backend, candor::view<B, const double> m) {
  std::vector<double> out(static_cast<std::size_t>(m.size()));
  backend.copy_out(out.data(), m.data, out.size() * sizeof(double));
  return out;
}

/// `forward(tape)` gives the operation's output from the inputs and parameters that it refers to.
template <class B, class Forward>
void check_gradients(B& backend, std::vector<candor::variable<B, double>> inputs,
                     std::vector<candor::parameter<B, double>*> parameters, Forward forward,
                     double tolerance = 1e-7) {
  using tape = candor::tape<B>;
  tape recorded(backend);
  const auto y = forward(recorded);
  const auto weights = random_values(y.extents().size(), 99);
  set_gradient(y, weights);
  recorded.backward();

  const auto loss = [&] {
    tape quiet(backend, tape::mode::evaluate);
    const auto out = forward(quiet).storage().to_vector();
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * weights[i];
    return sum;
  };
  const auto check = [&](const std::string& what, candor::tensor<B, double>& values,
                         const std::vector<double>& gradient) {
    auto moved = values.to_vector();
    double norm = 1e-3;
    for (const double g : gradient) norm = std::max(norm, std::abs(g));
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double kept = moved[i], step = 1e-5;
      const auto loss_at = [&](double value) {
        moved[i] = value;
        values.copy_from(moved);
        return loss();
      };
      const double up = loss_at(kept + step), down = loss_at(kept - step);
      moved[i] = kept;
      INFO(what << " element " << i);
      REQUIRE(gradient[i] ==
              Approx((up - down) / (2 * step)).margin(tolerance * norm * 10).epsilon(tolerance));
    }
    values.copy_from(moved);
  };
  for (std::size_t v = 0; v < inputs.size(); ++v)
    check("input " + std::to_string(v), inputs[v].storage(), values_of<B>(backend, inputs[v].gradient()));
  for (auto* p : parameters) check("parameter " + p->name(), p->storage(), p->gradient().to_vector());
}

}  // namespace candor_test
