// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Loops over the elements of rows in terms of what goes in and out, so that a team that moves several
/// elements at once (a device's, 16 bytes) can do so; all other teams take them one by one. Elements reach
/// `f` in their accumulator type. Arrays that are read may be the ones that are written, element by element.

#include <candor/backend/team.hpp>
#include <candor/core/scalar.hpp>

#include <cstdint>

namespace CANDOR_NS {

/// What a function of two results returns.
template <class A>
struct two {
  A first, second;
};

/// out[i] = f(in[i]...)
template <class Team, class O, class F, class... I>
CANDOR_HD void map_elements(const Team& team, std::int64_t n, O* out, F f, const I*... in) {
  if constexpr (requires { team.map(n, out, f, in...); })
    team.map(n, out, f, in...);
  else
    team.each(n,
              [=](std::int64_t i) { out[i] = static_cast<O>(f(static_cast<accumulator_t<I>>(in[i])...)); });
}

/// (first[i], second[i]) = f(in[i]...), which returns `two`.
template <class Team, class O, class F, class... I>
CANDOR_HD void map_two(const Team& team, std::int64_t n, O* first, O* second, F f, const I*... in) {
  if constexpr (requires { team.map_two(n, first, second, f, in...); })
    team.map_two(n, first, second, f, in...);
  else
    team.each(n, [=](std::int64_t i) {
      const auto y = f(static_cast<accumulator_t<I>>(in[i])...);
      first[i] = static_cast<O>(y.first);
      second[i] = static_cast<O>(y.second);
    });
}

/// (first[i], second[i]) = f(first[i], second[i], shared[i]...) in `runs` runs of n elements: each begins `stride`
/// behind the last one in `first` and in `second`, and `shared` is the same for all. runs * n is below 2^31.
template <class Team, class O, class F, class... I>
CANDOR_HD void map_two_of_runs(const Team& team, std::int64_t runs, std::int64_t stride, std::int64_t n, O* first, O* second, F f,
                               const I*... shared) {
  if constexpr (requires { team.map_two_of_runs(runs, stride, n, first, second, f, shared...); }) {
    team.map_two_of_runs(runs, stride, n, first, second, f, shared...);
  } else {
    for (std::int64_t run = 0; run < runs; ++run, first += stride, second += stride)
      map_two(team, n, first, second, f, first, second, shared...);
  }
}

/// Whether threads of this team gain by moving neighbours together.
template <class Team>
inline constexpr bool moves_packs = requires { Team::moves_packs; };

/// Four neighbours of an array, which a device moves together: `p` is aligned to as many, or to 16 bytes.
template <class T>
struct four {
  static constexpr int piece_bytes = 4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16;
  alignas(piece_bytes) T values[4];

  CANDOR_HD static four load(const T* p) {
    four out;
    move(out.values, p);
    return out;
  }
  CANDOR_HD void store(T* p) const { move(p, values); }
  CANDOR_HD T& operator[](int k) { return values[k]; }
  CANDOR_HD const T& operator[](int k) const { return values[k]; }

 private:
  CANDOR_HD static void move(T* to, const T* from) {
#if defined(__CUDA_ARCH__)
    struct alignas(piece_bytes) piece {
      std::uint32_t word[piece_bytes / 4];
    };
#pragma unroll
    for (int i = 0; i < static_cast<int>(4 * sizeof(T)) / piece_bytes; ++i)
      reinterpret_cast<piece*>(to)[i] = reinterpret_cast<const piece*>(from)[i];
#else
    for (int k = 0; k < 4; ++k) to[k] = from[k];
#endif
  }
};

/// Sum of f(in[i]...)
template <class Team, class F, class... I>
CANDOR_HD auto sum_elements(const Team& team, std::int64_t n, F f, const I*... in) {
  if constexpr (requires { team.sum_of(n, f, in...); })
    return team.sum_of(n, f, in...);
  else
    return team.sum(n, [=](std::int64_t i) { return f(static_cast<accumulator_t<I>>(in[i])...); });
}

/// d[i] = [d[i] +] sum of f(row, i) over `rows` rows, for n <= 32 columns.
template <class Team, class A, class F>
CANDOR_HD void sum_down(const Team& team, std::int64_t n, std::int64_t rows, A* d, bool add, F f) {
  if constexpr (requires { team.sum_down(n, rows, d, add, f); }) {
    team.sum_down(n, rows, d, add, f);
  } else {
    team.each(n, [=](std::int64_t i) { d[i] = add ? d[i] : A(0); });
    for (std::int64_t row = 0; row < rows; ++row) team.each(n, [=](std::int64_t i) { d[i] += f(row, i); });
  }
}

}  // namespace CANDOR_NS
