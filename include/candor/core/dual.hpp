// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Forward-mode dual numbers: a value with N derivatives, v + sum_i d_i e_i where e_i e_j = 0. Objectives are
/// written once over them and give the loss and its derivatives; N = 0 is the value alone. All functions are
/// friends, found by argument lookup; doubles convert. NaN is never lost, also not in max and min.

#include <candor/core/config.hpp>
#include <candor/core/math.hpp>

namespace CANDOR_NS {

/// `Value` is float or double.
template <class Value, int N>
struct dual {
  static_assert(N >= 0);

  Value value = 0;
  Value d[N > 0 ? N : 1] = {};  ///< derivatives; without meaning for N = 0

  dual() = default;
  /// A constant: all derivatives are zero.
  CANDOR_HD constexpr dual(double constant) : value(static_cast<Value>(constant)) {}
  /// The variable with index `which`: its own derivative is 1.
  CANDOR_HD static constexpr dual variable(double at, int which) {
    dual x(at);
    x.d[which] = 1;
    return x;
  }

  CANDOR_HD friend constexpr dual operator+(const dual& a, const dual& b) {
    return join(a, b, a.value + b.value, 1, 1);
  }
  CANDOR_HD friend constexpr dual operator-(const dual& a, const dual& b) {
    return join(a, b, a.value - b.value, 1, -1);
  }
  CANDOR_HD friend constexpr dual operator*(const dual& a, const dual& b) {
    return join(a, b, a.value * b.value, b.value, a.value);
  }
  CANDOR_HD friend constexpr dual operator/(const dual& a, const dual& b) {
    const Value quotient = a.value / b.value;
    return join(a, b, quotient, 1 / b.value, -quotient / b.value);
  }
  CANDOR_HD friend constexpr dual operator-(const dual& a) { return chain(a, -a.value, -1); }
  CANDOR_HD friend constexpr dual operator+(const dual& a) { return a; }
  CANDOR_HD constexpr dual& operator+=(const dual& b) { return *this = *this + b; }
  CANDOR_HD constexpr dual& operator-=(const dual& b) { return *this = *this - b; }
  CANDOR_HD constexpr dual& operator*=(const dual& b) { return *this = *this * b; }
  CANDOR_HD constexpr dual& operator/=(const dual& b) { return *this = *this / b; }

  /// Comparisons look at the values.
  CANDOR_HD friend constexpr bool operator==(const dual& a, const dual& b) { return a.value == b.value; }
  CANDOR_HD friend constexpr bool operator<(const dual& a, const dual& b) { return a.value < b.value; }
  CANDOR_HD friend constexpr bool operator>(const dual& a, const dual& b) { return a.value > b.value; }
  CANDOR_HD friend constexpr bool operator<=(const dual& a, const dual& b) { return a.value <= b.value; }
  CANDOR_HD friend constexpr bool operator>=(const dual& a, const dual& b) { return a.value >= b.value; }

  /// The larger one with its derivatives, the first where they are equal: max(S(0), x) has derivative 0 at 0.
  CANDOR_HD friend constexpr dual max(const dual& a, const dual& b) {
    return a.value < b.value || b.value != b.value ? b : a;
  }
  CANDOR_HD friend constexpr dual min(const dual& a, const dual& b) {
    return b.value < a.value || b.value != b.value ? b : a;
  }
  CANDOR_HD friend constexpr dual abs(const dual& x) {
    return x.value < 0 ? -x : (x.value > 0 ? x : chain(x, x.value, 0));
  }
  CANDOR_HD friend dual exp(const dual& x) {
    const Value y = math::exp(x.value);
    return chain(x, y, y);
  }
  CANDOR_HD friend dual log(const dual& x) { return chain(x, math::log(x.value), 1 / x.value); }
  CANDOR_HD friend dual log1p(const dual& x) { return chain(x, math::log1p(x.value), 1 / (1 + x.value)); }
  CANDOR_HD friend dual expm1(const dual& x) { return chain(x, math::expm1(x.value), math::exp(x.value)); }
  CANDOR_HD friend dual sqrt(const dual& x) {
    const Value y = math::sqrt(x.value);
    return chain(x, y, Value(0.5) / y);
  }
  /// x^exponent, the exponent constant.
  CANDOR_HD friend dual pow(const dual& x, double exponent) {
    return chain(x, power(x.value, exponent), static_cast<Value>(exponent) * power(x.value, exponent - 1));
  }
  CANDOR_HD friend dual tanh(const dual& x) {
    const Value y = math::tanh(x.value);
    return chain(x, y, (1 - y) * (1 + y));
  }
  /// 1 / (1 + exp(-x)).
  CANDOR_HD friend dual sigmoid(const dual& x) {
    const Value y = math::sigmoid(x.value);
    return chain(x, y, y * math::sigmoid(-x.value));
  }
  /// log(1 + exp(x)), finite for every finite x.
  CANDOR_HD friend dual softplus(const dual& x) {
    return chain(x, math::softplus(x.value), math::sigmoid(x.value));
  }
  /// log(1 / (1 + exp(-x))), finite for every finite x.
  CANDOR_HD friend dual log_sigmoid(const dual& x) {
    return chain(x, -math::softplus(-x.value), math::sigmoid(-x.value));
  }
  /// The value as a constant.
  CANDOR_HD friend constexpr dual stop_gradient(const dual& x) { return dual(static_cast<double>(x.value)); }

 private:
  /// f(x) from f and f' at x.
  CANDOR_HD static constexpr dual chain(const dual& x, Value value, Value slope) {
    dual y;
    y.value = value;
    for (int i = 0; i < N; ++i) y.d[i] = slope * x.d[i];
    return y;
  }
  CANDOR_HD static constexpr dual join(const dual& a, const dual& b, Value value, Value slope_a,
                                       Value slope_b) {
    dual y;
    y.value = value;
    for (int i = 0; i < N; ++i) y.d[i] = slope_a * a.d[i] + slope_b * b.d[i];
    return y;
  }
  CANDOR_HD static Value power(Value x, double exponent) {
    return static_cast<Value>(::pow(static_cast<double>(x), exponent));
  }
};

}  // namespace CANDOR_NS
