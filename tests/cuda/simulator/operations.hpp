// SPDX-License-Identifier: Apache-2.0
#pragma once
// What each instruction does, found by its whole name: "add.s32", "ld.global.v4.u32".

#include "cuda/simulator/thread.hpp"

#include <map>
#include <string>
#include <utility>

namespace simulator {

struct meaning {
  action run = nullptr;
  collective together = nullptr;
  int operands = 0;       ///< with those of a vector counted as one
  int mask_operand = -1;  ///< of an operation of a warp
};
using vocabulary = std::map<std::string, meaning, std::less<>>;

void add_arithmetic(vocabulary&);
void add_conversions(vocabulary&);
void add_memory(vocabulary&);
void add_control(vocabulary&);
void add_warp(vocabulary&);

/// All of them.
inline const vocabulary& operations() {
  static const vocabulary all = [] {
    vocabulary v;
    add_arithmetic(v);
    add_conversions(v);
    add_memory(v);
    add_control(v);
    add_warp(v);
    return v;
  }();
  return all;
}

/// An instruction that computes f of its operands.
template <class R, class F, class... A, int... n>
meaning computes(std::integer_sequence<int, n...>) {
  return {.run = [](thread& t, const instruction& i) { put<R>(t, i, 0, F{}(get<A>(t, i, n + 1)...)); },
          .operands = 1 + static_cast<int>(sizeof...(A))};
}
/// `f` captures nothing: its type alone says what it does.
template <class R, class... A, class F>
meaning computes(F) {
  return computes<R, F, A...>(std::make_integer_sequence<int, sizeof...(A)>());
}

}  // namespace simulator
