// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a forward pass carries through the layers.

#include <candor/autograd/tape.hpp>
#include <candor/tensor/tensor.hpp>

#include <cstdint>
#include <memory>

namespace CANDOR_NS {

template <class B>
struct forward_context {
  candor::tape<B>& tape;
  bool adapters = true;         ///< off: the reference that a model with adapters contains
  bool dropout = false;         ///< on in training only
  bool recompute = false;       ///< layers keep their input alone and run again in the backward pass
  std::uint64_t seed = 0;       ///< of the dropout
  std::uint64_t step = 0;       ///< the optimizer's step, part of the dropout's draw
  std::shared_ptr<const tensor<B, std::uint64_t>> token_keys = nullptr;  ///< (T), needed with dropout

  /// The same pass on another tape.
  forward_context on(candor::tape<B>& other) const {
    return {other, adapters, dropout, recompute, seed, step, token_keys};
  }
};

}  // namespace CANDOR_NS
