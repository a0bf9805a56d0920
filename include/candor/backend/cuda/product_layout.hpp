// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A product of row-major matrices as cuBLASLt wants it, which knows columns: memory of a row-major (r, c)
/// matrix is that of its transpose, column-major (c, r). So c = op(a) op(b) is computed as
///     c^T = op(b)^T op(a)^T
/// with b first; what was not transposed for us is not transposed for it.

#include <candor/backend/backend.hpp>
#include <candor/core/error.hpp>
#include <candor/core/scalar.hpp>

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>
#include <type_traits>

namespace CANDOR_NS {

/// A column-major matrix, as it lies in memory.
struct column_matrix {
  std::int64_t rows = 0, cols = 0, stride = 0;  ///< stride: elements from one column to the next
  friend auto operator<=>(const column_matrix&, const column_matrix&) = default;
};

enum class product_type : std::uint8_t { f32, tf32, bf16, bf16_to_f32, f64 };

/// Everything that decides which algorithm fits a product.
struct product_layout {
  column_matrix first, second, result;
  std::int64_t inner = 0;  ///< the axis that is summed over
  bool first_transposed = false, second_transposed = false;
  bool accumulate = false;
  product_type type = product_type::f32;
  std::uint32_t first_alignment = 256, second_alignment = 256, result_alignment = 256;  ///< bytes

  friend auto operator<=>(const product_layout&, const product_layout&) = default;
};

/// The largest power of two up to 256 that divides the address of every column.
template <class T>
std::uint32_t alignment_of(const T* data, std::int64_t stride, std::int64_t columns) {
  auto bits = reinterpret_cast<std::uintptr_t>(data) | 256;
  if (columns > 1) bits |= static_cast<std::uintptr_t>(stride) * sizeof(T);
  return std::uint32_t{1} << std::countr_zero(bits);
}

template <class T, class C>
constexpr product_type product_type_of(bool tf32) {
  if constexpr (std::is_same_v<T, double>) return product_type::f64;
  if constexpr (std::is_same_v<T, bfloat16>)
    return std::is_same_v<C, float> ? product_type::bf16_to_f32 : product_type::bf16;
  return tf32 ? product_type::tf32 : product_type::f32;
}

/// c = [c +] op(a) op(b); shape_error where the shapes do not fit.
template <class B, class T, class C>
product_layout lay_out_product(transpose ta, view<B, const T> a, transpose tb, view<B, const T> b,
                               view<B, C> c, bool accumulate, bool tf32) {
  const bool at = ta == transpose::yes, bt = tb == transpose::yes;
  const std::int64_t m = at ? a.cols : a.rows, k = at ? a.rows : a.cols;
  const std::int64_t n = bt ? b.rows : b.cols, kb = bt ? b.cols : b.rows;
  require<shape_error>(k == kb && c.rows == m && c.cols == n, "[matmul] a ", a, at ? " transposed" : "",
                       " times b ", b, bt ? " transposed" : "", " does not give c ", c);
  const auto columns = []<class E>(view<B, E> v) { return column_matrix{v.cols, v.rows, v.stride}; };
  return {.first = columns(b),
          .second = columns(a),
          .result = columns(c),
          .inner = k,
          .first_transposed = bt,
          .second_transposed = at,
          .accumulate = accumulate,
          .type = product_type_of<T, C>(tf32),
          .first_alignment = alignment_of(b.data, b.stride, b.rows),
          .second_alignment = alignment_of(a.data, a.stride, a.rows),
          .result_alignment = alignment_of(c.data, c.stride, c.rows)};
}

/// c = start + op(a) op(b); shape_error where start does not lie as c does.
template <class B, class T>
product_layout lay_out_product_onto(view<B, const T> start, transpose ta, view<B, const T> a, transpose tb,
                                    view<B, const T> b, view<B, T> c, bool tf32) {
  require<shape_error>(start.rows == c.rows && start.cols == c.cols && start.stride == c.stride,
                       "[matmul] start ", start, " of stride ", start.stride, " does not lie as c ", c, " of stride ", c.stride);
  product_layout p = lay_out_product(ta, a, tb, b, c, true, tf32);
  p.result_alignment = std::min(p.result_alignment, alignment_of(start.data, start.stride, start.rows));
  return p;
}

/// The next of eight sizes in each power of two.
constexpr std::int64_t size_class(std::int64_t n) {
  if (n <= 16) return n;
  const int step = std::bit_width(static_cast<std::uint64_t>(n - 1)) - 4;
  return (((n - 1) >> step) + 1) << step;
}

/// The layout that stands for all of about the same shape: a pass has as many tokens as its records happen to
/// have, and an algorithm that is quick for 7,400 of them is so for 7,300.
inline product_layout typical(product_layout p) {
  const auto round = [](column_matrix& m) {
    const bool dense = m.stride == m.rows;
    m.rows = size_class(m.rows);
    m.cols = size_class(m.cols);
    m.stride = dense ? m.rows : size_class(m.stride);
  };
  round(p.first);
  round(p.second);
  round(p.result);
  p.inner = size_class(p.inner);
  return p;
}

/// In words, for errors: m x n x k as the caller gave them.
inline std::string str(const product_layout& p) {
  return text("a (", p.second.cols, ", ", p.second.rows, ")", p.second_transposed ? " transposed" : "",
              " times b (", p.first.cols, ", ", p.first.rows, ")", p.first_transposed ? " transposed" : "",
              " to c (", p.result.cols, ", ", p.result.rows, ")");
}

}  // namespace CANDOR_NS
