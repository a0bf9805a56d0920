// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a backend must offer, by capability. A component asks only for what it uses.

#include <candor/backend/attention_layout.hpp>
#include <candor/backend/team.hpp>
#include <candor/core/scalar.hpp>
#include <candor/tensor/view.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace CANDOR_NS {

/// Whether an operand of a product is taken transposed.
enum class transpose : bool { no, yes };

/// Memory, and the ways into it and out of it.
template <class B>
concept storage_backend = requires(B& b, std::size_t bytes, void* data, const void* source) {
  { B::name } -> std::convertible_to<std::string_view>;
  { b.allocate(bytes) } -> std::same_as<void*>;
  b.release(data, bytes);
  b.zero(data, bytes);
  b.copy(data, source, bytes);
  b.copy_in(data, source, bytes);
  b.copy_out(data, source, bytes);
};

/// A row program that does nothing, with which the concept is checked.
struct empty_program {
  template <class Team>
  CANDOR_HD void operator()(const Team&, std::int64_t) const {}
};

/// Row programs: program(team, row) for every row.
template <class B>
concept rows_backend = requires(B& b, std::int64_t n) { b.rows(n, n, empty_program{}); };

/// Products c = [c +] op(a) op(b) of elements `T`, also into the accumulator type. A backend whose library starts from
/// another matrix as well may have matmul_onto(start, ta, a, tb, b, c) for c = start + op(a) op(b), with start as c lies.
template <class B, class T>
concept product_backend = requires(B& b, view<B, const T> a, view<B, T> c, view<B, accumulator_t<T>> g,
                                   bool accumulate) {
  b.template matmul<T, T>(transpose::no, a, transpose::yes, a, c);
  b.template matmul<T, T>(transpose::no, a, transpose::yes, a, c, accumulate);
  b.template matmul<T, accumulator_t<T>>(transpose::yes, a, transpose::no, a, g);
  b.template matmul<T, accumulator_t<T>>(transpose::yes, a, transpose::no, a, g, accumulate);
};

/// Attention over stems and branches, both ways, and the decoding form.
template <class B, class T>
concept attention_backend = requires(B& b, attention_heads h, const attention_layout& l, const decode_layout& d,
                                     view<B, const T> in, view<B, T> out, view<B, accumulator_t<T>> lse,
                                     view<B, const accumulator_t<T>> lse_in) {
  b.template attention_forward<T>(h, l, in, in, in, out, lse);
  b.template attention_backward<T>(h, l, in, in, in, in, lse_in, in, out, out, out);
  b.template attention_decode<T>(h, d, in, in, in, in, in, out);
};

template <class B, class T>
concept backend = storage_backend<B> && rows_backend<B> && product_backend<B, T> && attention_backend<B, T>;

}  // namespace CANDOR_NS
