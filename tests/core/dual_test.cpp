// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <candor/core/dual.hpp>

#include <cmath>
#include <limits>

namespace {

using dual1 = candor::dual<double, 1>;
using dual2 = candor::dual<double, 2>;

/// The derivative by dual numbers against a central difference of the value in double.
template <class F>
void check_derivative(F f, double x, double step = 1e-6) {
  const double by_dual = f(dual1::variable(x, 0)).d[0];
  const double h = step * std::max(1.0, std::abs(x));
  const double by_difference = (f(dual1(x + h)).value - f(dual1(x - h)).value) / (2 * h);
  INFO("at " << x);
  CHECK(by_dual == Approx(by_difference).epsilon(1e-6).margin(1e-8));
  const candor::dual<double, 0> alone = f(candor::dual<double, 0>(x));
  CHECK(alone.value == f(dual1(x)).value);
}

}  // namespace

TEST_CASE("derivatives of dual numbers equal finite differences", "[core][dual]") {
  for (const double x : {-3.7, -0.4, 0.3, 1.0, 2.9}) {
    check_derivative([](auto v) { return exp(v); }, x);
    check_derivative([](auto v) { return expm1(v); }, x);
    check_derivative([](auto v) { return tanh(v); }, x);
    check_derivative([](auto v) { return sigmoid(v); }, x);
    check_derivative([](auto v) { return softplus(v); }, x);
    check_derivative([](auto v) { return log_sigmoid(v); }, x);
    check_derivative([](auto v) { return abs(v); }, x);
    check_derivative([](auto v) { return pow(v, 3); }, x);
    check_derivative([](auto v) { return max(v, -v) + min(v, decltype(v)(0.5)); }, x);
    check_derivative([](auto v) { return (2 * v + 1) / (v * v + 1.5) - v; }, x);
    check_derivative([](auto v) { return -v * 3 + (1 - v) / 2; }, x);
    const double positive = std::abs(x);
    check_derivative([](auto v) { return log(v); }, positive);
    check_derivative([](auto v) { return log1p(v); }, positive);
    check_derivative([](auto v) { return sqrt(v); }, positive);
    check_derivative([](auto v) { return pow(v, -0.5); }, positive);
  }
}

TEST_CASE("several derivatives are carried at once", "[core][dual]") {
  auto x = dual2::variable(3, 0);
  const auto y = dual2::variable(-2, 1);
  const auto z = x * y + exp(x - x) * y;  // (x + 1) y
  CHECK(z.value == -8.0);
  CHECK(z.d[0] == -2.0);
  CHECK(z.d[1] == 4.0);
  x += y;
  x *= 2;
  x -= 1;
  x /= 4;
  CHECK(x.value == 0.25);
  CHECK(x.d[0] == 0.5);
  CHECK(x.d[1] == 0.5);
}

TEST_CASE("a stopped gradient keeps the value and loses the derivative", "[core][dual]") {
  const auto x = dual1::variable(2, 0);
  const auto y = stop_gradient(x) * x;
  CHECK(y.value == 4.0);
  CHECK(y.d[0] == 2.0);
}

TEST_CASE("the logistic functions stay finite far out", "[core][dual]") {
  for (const double x : {-1e4, -745.0, -120.0, 120.0, 745.0, 1e4}) {
    const auto v = dual1::variable(x, 0);
    CHECK(log_sigmoid(v).value == Approx(x < 0 ? x : 0.0).margin(1e-50));
    CHECK(log_sigmoid(v).d[0] == Approx(x < 0 ? 1.0 : 0.0).margin(1e-50));
    CHECK(softplus(v).value == Approx(x > 0 ? x : 0.0).margin(1e-50));
    CHECK(softplus(v).d[0] == Approx(x > 0 ? 1.0 : 0.0).margin(1e-50));
    CHECK(std::isfinite(sigmoid(v).d[0]));
    CHECK(std::isfinite(tanh(v).d[0]));
    const auto narrow = log_sigmoid(candor::dual<float, 1>::variable(x, 0));
    CHECK(std::isfinite(narrow.value));
    CHECK(std::isfinite(narrow.d[0]));
  }
}

TEST_CASE("comparisons look at values and ties take the first", "[core][dual]") {
  const auto a = dual1::variable(1, 0);
  const dual1 b = 1;
  CHECK(a == b);
  CHECK(a <= b);
  CHECK(a >= b);
  CHECK_FALSE(a < b);
  CHECK(a > 0.5);
  CHECK(max(a, b).d[0] == 1.0);
  CHECK(max(b, a).d[0] == 0.0);
  CHECK(min(b, a).d[0] == 0.0);
  CHECK(abs(dual1::variable(0, 0)).d[0] == 0.0);
}

TEST_CASE("NaN passes through maximum and minimum from either side", "[core][dual]") {
  const dual1 nan = std::numeric_limits<double>::quiet_NaN();
  for (const dual1& r : {max(nan, 1), max(dual1(1), nan), min(nan, 1), min(dual1(1), nan), abs(nan)})
    CHECK(std::isnan(r.value));
}
