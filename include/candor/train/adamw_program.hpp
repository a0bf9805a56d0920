// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// AdamW's row programs: the squares of a gradient, and a step of the weights with every way of storing them and their
/// moments (adamw.hpp).

#include <candor/backend/elements.hpp>
#include <candor/core/math.hpp>
#include <candor/core/random.hpp>
#include <candor/core/scalar.hpp>

#include <cstdint>
#include <type_traits>

namespace CANDOR_NS {

/// Elements that one row of the optimizer's programs handles.
inline constexpr std::int64_t optimizer_row = 4096;

/// sums(row) = sum of g^2 over a run of elements.
template <class B, class A>
struct square_sum_program {
  const A* g;
  std::int64_t size;
  double* sums;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const A* from = g + row * optimizer_row;
    const std::int64_t n = size - row * optimizer_row < optimizer_row ? size - row * optimizer_row : optimizer_row;
    sums[row] = static_cast<double>(sum_elements(team, n, [](A v) { return v * v; }, from));
  }
};

/// x as one of its two neighbours in bfloat16; the bits that are cut off are the probability of the one that is
/// farther from zero. `noise` is uniform in [0, 2^16).
CANDOR_HD inline bfloat16 round_at_random(float x, std::uint32_t noise) {
  bfloat16 y;
  y.bits = static_cast<std::uint16_t>((bit_cast<std::uint32_t>(x) + noise) >> 16);
  return y;
}

/// `M` is the type of the moments: that of sums, or bfloat16.
template <class B, class T, class M = accumulator_t<T>>
struct adamw_program {
  using A = accumulator_t<T>;
  static constexpr bool narrow_moments = !std::is_same_v<M, A>;
  T* w;
  A* master;  // or null
  const A* g;
  M *m, *v;
  std::int64_t size;
  A clip;                          // factor on the gradient
  A decay;                         // 1 - lr * weight decay
  A beta1, rest1, beta2, rest2;    // rest is 1 - beta, rounded once
  A step_size, root_scale, epsilon;  // lr / (1 - b1^t), 1 / sqrt(1 - b2^t)
  bool round_weights;
  std::uint64_t seed;
  std::uint32_t step;

  template <class Team>
  CANDOR_HD void operator()(const Team& team, std::int64_t row) const {
    const auto p = *this;
    const std::int64_t first = row * optimizer_row;
    const std::int64_t n = size - first < optimizer_row ? size - first : optimizer_row;
    if (narrow_moments || (std::is_same_v<T, bfloat16> && round_weights) || moves_packs<Team>) {
      team.each(n / 4, [=](std::int64_t block) { p.advance(p.load(first + 4 * block), first + 4 * block); });
      if (n % 4 != 0) team.each(1, [=](std::int64_t) { p.advance_last(first + n / 4 * 4, static_cast<int>(n % 4)); });
    } else if (master != nullptr) {  // one loop for each way of storing weights, so that each of them vectorises
      team.each(n, [=](std::int64_t j) {
        const std::int64_t i = first + j;
        p.w[i] = static_cast<T>(p.master[i] = p.update(i, p.master[i]));
      });
    } else {
      team.each(n, [=](std::int64_t j) {
        p.w[first + j] = static_cast<T>(p.update(first + j, static_cast<A>(p.w[first + j])));
      });
    }
  }

 private:
  /// The moments after the step.
  CANDOR_HD two<A> moments(A gradient, A first, A second) const {
    gradient *= clip;
    return {beta1 * first + rest1 * gradient, beta2 * second + rest2 * gradient * gradient};
  }
  /// The weight after the step.
  CANDOR_HD A moved(A before, const two<A>& after) const {
    return before * decay - step_size * after.first / (math::sqrt(after.second) * root_scale + epsilon);
  }
  /// Advances the moments of element i; its weight after the step.
  CANDOR_HD A update(std::int64_t i, A before) const {
    const two<A> after = moments(g[i], static_cast<A>(m[i]), static_cast<A>(v[i]));
    m[i] = static_cast<M>(after.first);
    v[i] = static_cast<M>(after.second);
    return moved(before, after);
  }

  /// Four neighbours: gradients, weights as they are summed, moments, and weights as they are kept.
  struct group {
    four<A> g, weight;
    four<M> m, v;
    four<T> w;
  };
  CANDOR_HD group load(std::int64_t begin) const {
    group x;
    x.g = four<A>::load(g + begin);
    x.m = four<M>::load(m + begin);
    x.v = four<M>::load(v + begin);
    if (master != nullptr) {
      x.weight = four<A>::load(master + begin);
    } else {
      x.w = four<T>::load(w + begin);
      for (int k = 0; k < 4; ++k) x.weight[k] = static_cast<A>(x.w[k]);
    }
    return x;
  }
  CANDOR_HD void advance(group x, std::int64_t begin) const {
    step_group(x, begin);
    x.m.store(m + begin);
    x.v.store(v + begin);
    x.w.store(w + begin);
    if (master != nullptr) x.weight.store(master + begin);
  }
  /// The fewer than four at the end of an array.
  CANDOR_HD void advance_last(std::int64_t begin, int count) const {
    group x{};
    for (int k = 0; k < count; ++k) {
      x.g[k] = g[begin + k];
      x.m[k] = m[begin + k];
      x.v[k] = v[begin + k];
      x.weight[k] = master != nullptr ? master[begin + k] : static_cast<A>(w[begin + k]);
    }
    step_group(x, begin);
    for (int k = 0; k < count; ++k) {
      m[begin + k] = x.m[k];
      v[begin + k] = x.v[k];
      w[begin + k] = x.w[k];
      if (master != nullptr) master[begin + k] = x.weight[k];
    }
  }

  /// The draw that the four elements from `begin` on share. `use` keeps apart what is drawn for.
  CANDOR_HD uint32x4 draw(std::int64_t begin, std::uint32_t use) const {
    return philox({{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(begin >> 32), step, use}},
                  static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
  }
  CANDOR_HD void step_group(group& x, std::int64_t begin) const {
    const uint32x4 for_moments = narrow_moments ? draw(begin, 2) : uint32x4{};
    const uint32x4 for_weights = round_weights ? draw(begin, 1) : uint32x4{};
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int k = 0; k < 4; ++k) {
      const two<A> after = moments(x.g[k], static_cast<A>(x.m[k]), static_cast<A>(x.v[k]));
      if constexpr (narrow_moments) {
        x.m[k] = round_at_random(after.first, for_moments[k] & 0xffffu);
        x.v[k] = round_at_random(after.second, for_moments[k] >> 16);
      } else {
        x.m[k] = after.first;
        x.v[k] = after.second;
      }
      const A weight = x.weight[k] = moved(x.weight[k], after);
      if constexpr (std::is_same_v<T, bfloat16>)
        x.w[k] = round_weights ? round_at_random(weight, for_weights[k] & 0xffffu) : T(weight);
      else
        x.w[k] = static_cast<T>(weight);
    }
  }
};

}  // namespace CANDOR_NS
