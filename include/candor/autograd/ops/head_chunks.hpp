// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The head's rows in chunks, so that rows x vocabulary is never stored. Operations on the head's logits keep
/// what the backward pass needs of a few chunks, within a budget, and compute the others again there.
/// Shapes: hidden (R, C), weight (V, C), logits of a chunk (rows, V).

#include <candor/autograd/parameter.hpp>
#include <candor/autograd/variable.hpp>
#include <candor/backend/backend.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// How much memory an operation on the head's logits takes.
struct head_memory {
  std::int64_t chunk_rows = 256;  ///< rows whose logits are computed together
  std::int64_t kept_bytes = std::int64_t{1}
                            << 27;  ///< that wait for the backward pass; what is beyond is computed again
};

template <class B, class A>
struct head_chunk {
  std::int64_t first, rows;
  tensor<B, A> kept;  // (rows, V) for the backward pass, or nothing where it is computed again
};

/// The chunk's logits, (rows, V).
template <class B, class T>
tensor<B, accumulator_t<T>> head_logits(B& backend, const variable<B, T>& hidden,
                                        const parameter<B, T>& weight, std::int64_t first,
                                        std::int64_t rows) {
  using A = accumulator_t<T>;
  tensor<B, A> logits(backend, shape{rows, weight.extents().rows()});
  backend.template matmul<T, A>(transpose::no, hidden.value().slice_rows(first, rows), transpose::yes,
                                weight.value(), logits.view());
  return logits;
}

/// `compute(first, rows)` gives what the backward pass needs of each chunk, (rows, V); the first that fit are
/// kept.
template <class B, class A, class Compute>
std::vector<head_chunk<B, A>> in_head_chunks(std::int64_t rows, const head_memory& memory, bool tracked,
                                             Compute compute) {
  std::vector<head_chunk<B, A>> chunks;
  std::int64_t room = tracked ? memory.kept_bytes : 0;
  for (std::int64_t first = 0; first < rows; first += memory.chunk_rows) {
    head_chunk<B, A> c{first, std::min(rows - first, memory.chunk_rows), {}};
    tensor<B, A> computed = compute(c.first, c.rows);
    room -= static_cast<std::int64_t>(computed.bytes());
    if (room >= 0) c.kept = std::move(computed);
    chunks.push_back(std::move(c));
  }
  return chunks;
}

/// d_hidden += d W, d_W += d^T hidden, where `gradient(chunk, z, d)` turns what was kept of a chunk, or what
/// `compute` gave again, z (rows, V), into the gradient d (rows, V) of its logits, as elements of the model;
/// d is z itself where z has their type.
template <class B, class T, class Compute, class Gradient>
void head_backward(B& backend, const variable<B, T>& hidden, parameter<B, T>& weight,
                   std::vector<head_chunk<B, accumulator_t<T>>>& chunks, Compute compute, Gradient gradient) {
  using A = accumulator_t<T>;
  const auto d_hidden = hidden.tracked() ? hidden.sink() : gradient_sink<B, T>{};
  for (auto& c : chunks) {
    tensor<B, A> z = c.kept ? std::move(c.kept) : compute(c.first, c.rows);
    tensor<B, T> narrow;  // (rows, V) where the model's elements are smaller than logits
    view<B, T> d;
    if constexpr (std::is_same_v<T, A>)
      d = z.view();
    else
      d = (narrow = tensor<B, T>(backend, z.extents())).view();
    gradient(c, z.view(), d);
    if (hidden.tracked())
      backend.template matmul<T, T>(transpose::no, d, transpose::no, weight.value(),
                                    d_hidden.d.slice_rows(c.first, c.rows), d_hidden.add);
    if (weight.trainable()) {
      const auto d_w = weight.sink();
      backend.template matmul<T, A>(transpose::yes, d, transpose::no,
                                    hidden.value().slice_rows(c.first, c.rows), d_w.d, d_w.add);
    }
  }
}

}  // namespace CANDOR_NS
