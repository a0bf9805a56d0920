// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Products on any backend against sums in double.

#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>
#include <candor/tensor/tensor.hpp>

#include <cmath>
#include <type_traits>
#include <vector>

namespace candor_test {

template <class T>
std::vector<T> numbers(std::int64_t count, std::uint64_t seed) {
  candor::random_stream random(seed, 3);
  std::vector<T> out(static_cast<std::size_t>(count));
  for (auto& v : out) v = static_cast<T>(random.normal());
  return out;
}

struct product_problem {
  std::int64_t m, n, k, padding;  // padding: elements between the end of a row and the next
  bool ta, tb, accumulate;
  bool apart = false;  // what the product is added to lies in a matrix of its own, where the backend takes that
};

/// The largest error relative to what rounding may do: `unit` of the result and of each of the sums.
template <class T, class C, class B>
double worst_error(B& backend, const product_problem& p) {
  const std::int64_t a_rows = p.ta ? p.k : p.m, a_cols = p.ta ? p.m : p.k;
  const std::int64_t b_rows = p.tb ? p.n : p.k, b_cols = p.tb ? p.k : p.n;
  const auto a = numbers<T>(a_rows * (a_cols + p.padding), 1),
             b = numbers<T>(b_rows * (b_cols + p.padding), 2);
  const auto before = numbers<C>(p.m * (p.n + p.padding), 4);
  auto c = before;
  constexpr bool onto = std::is_same_v<T, C> && requires { &B::template matmul_onto<T>; };
  const bool apart = onto && p.apart && p.accumulate;
  if (!p.accumulate || apart) c.assign(c.size(), static_cast<C>(std::nanf("")));  // is written, not read
  const auto upload = [&]<class E>(const std::vector<E>& values) {
    return candor::tensor<B, E>::from(backend, candor::shape{static_cast<std::int64_t>(values.size())},
                                      values);
  };
  const auto a_there = upload(a), b_there = upload(b);
  auto c_there = upload(c);
  using candor::transpose;
  const candor::view<B, const T> a_view{a_there.view().data, a_rows, a_cols, a_cols + p.padding},
      b_view{b_there.view().data, b_rows, b_cols, b_cols + p.padding};
  const candor::view<B, C> c_view{c_there.view().data, p.m, p.n, p.n + p.padding};
  const transpose ta = p.ta ? transpose::yes : transpose::no, tb = p.tb ? transpose::yes : transpose::no;
  if constexpr (onto) {
    if (apart) {
      const auto start = upload(before);
      backend.template matmul_onto<T>({start.view().data, p.m, p.n, c_view.stride}, ta, a_view, tb, b_view, c_view);
    }
  }
  if (!apart) backend.template matmul<T, C>(ta, a_view, tb, b_view, c_view, p.accumulate);
  c = c_there.to_vector();
  using candor::host;
  const candor::view<host, const T> va{a.data(), a_rows, a_cols, a_cols + p.padding},
      vb{b.data(), b_rows, b_cols, b_cols + p.padding};
  const candor::view<host, const C> vc{c.data(), p.m, p.n, p.n + p.padding};

  const double unit = std::is_same_v<C, candor::bfloat16> ? 0x1p-8
                      : std::is_same_v<C, float>          ? 0x1p-24
                                                          : 0x1p-53;
  const double sum_unit = std::is_same_v<T, double> ? 0x1p-53 : 0x1p-24;
  double worst = 0;
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j) {
      double sum = p.accumulate ? static_cast<double>(before[static_cast<std::size_t>(i * vc.stride + j)])
                                : 0.0,
             size = std::abs(sum);
      for (std::int64_t l = 0; l < p.k; ++l) {
        const double term =
            static_cast<double>(p.ta ? va(l, i) : va(i, l)) * static_cast<double>(p.tb ? vb(j, l) : vb(l, j));
        sum += term;
        size += std::abs(term);
      }
      const double error = std::abs(static_cast<double>(vc(i, j)) - sum);
      const double bound = unit * std::abs(sum) + sum_unit * std::sqrt(static_cast<double>(p.k) + 1) * size;
      if (!(error <= worst * bound)) worst = bound > 0 ? error / bound : error;
    }
  return worst;
}

}  // namespace candor_test
