// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Trades time for memory: a block runs without recording, and once more in the backward pass. Blocks draw
/// random numbers by counter, so the second run is the first one bit for bit.

#include <candor/autograd/ops/linear.hpp>

namespace CANDOR_NS {

/// y = block(tape, x), keeping only x. `block` is called again later: what it refers to must still be there.
template <class B, class T, class Block>
variable<B, T> recompute(tape<B>& outer, const variable<B, T>& x, Block block) {
  if (!outer.recording()) return block(outer, x);
  B& backend = outer.backend();
  tape<B> quiet(backend, tape<B>::mode::evaluate);
  const variable<B, T> y(std::move(block(quiet, x).storage()), true);
  outer.record([&backend, x, y, block = std::move(block)]() mutable {
    tape<B> inner(backend);
    const variable<B, T> again = block(inner, x);
    if (!again.tracked()) return;
    pass_gradient(backend, y, again);
    inner.backward();
  });
  return y;
}

}  // namespace CANDOR_NS
