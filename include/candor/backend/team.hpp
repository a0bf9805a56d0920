// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A row program is a functor `program(team, row)`. On the host a team is one thread with SIMD loops; on the
/// device it is a warp or a block with the same three members; each of them ends with all threads in step, so a
/// program may read what an earlier `each` wrote.

#include <candor/core/config.hpp>

#include <cstdint>

namespace CANDOR_NS {

/// One thread that does a row's work in loops which the compiler vectorises.
struct serial_team {
  /// Sums run over this many partial sums on every machine, so that their order does not depend on it.
  static constexpr int lanes = 16;

  /// f(i) for i in [0, n), in any order.
  template <class F>
  CANDOR_HD void each(std::int64_t n, F f) const {
    for (std::int64_t i = 0; i < n; ++i) f(i);
  }

  /// Sum of f(i) over [0, n), in the type that f returns.
  template <class F>
  CANDOR_HD auto sum(std::int64_t n, F f) const {
    using S = decltype(f(std::int64_t{}));
    S partial[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
      for (int l = 0; l < lanes; ++l) partial[l] += f(i + l);
    for (int l = 0; i < n; ++i, ++l) partial[l] += f(i);
    for (int width = lanes / 2; width > 0; width /= 2)
      for (int l = 0; l < width; ++l) partial[l] += partial[l + width];
    return partial[0];
  }

  /// Largest f(i) over [0, n), or `least` where n is 0.
  template <class S, class F>
  CANDOR_HD S max(std::int64_t n, S least, F f) const {
    S partial[lanes];
    for (int l = 0; l < lanes; ++l) partial[l] = least;
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
#if !defined(__CUDACC__)
#pragma GCC unroll 1  // g++ does not vectorise this loop once it has unrolled it
#endif
      for (int l = 0; l < lanes; ++l) {
        const S v = f(i + l);
        partial[l] = v > partial[l] ? v : partial[l];
      }
    }
    for (int l = 0; i < n; ++i, ++l) {
      const S v = f(i);
      partial[l] = v > partial[l] ? v : partial[l];
    }
    S best = partial[0];
    for (int l = 1; l < lanes; ++l) best = partial[l] > best ? partial[l] : best;
    return best;
  }
};

}  // namespace CANDOR_NS
