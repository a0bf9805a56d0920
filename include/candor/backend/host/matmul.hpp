// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Products on the CPU. Large ones are cut along rows or columns of the result, one single-threaded product a
/// thread; the sum over the inner axis is never cut.

#include <candor/backend/host/host.hpp>

#include <algorithm>
#include <type_traits>

namespace CANDOR_NS {
namespace detail {

/// A single-threaded product of row-major matrices: c (m, n) = [c +] op(a) (m, k) op(b) (k, n).
template <class T, class C>
struct product {
  const T* a;
  const T* b;
  C* c;
  std::int64_t m, n, k;
  std::int64_t lda, ldb, ldc;  // elements between rows as stored
  bool ta, tb, accumulate;
};

bool multiplies_bfloat16(host& backend);
void multiply(host& backend, const product<float, float>& p);
void multiply(host& backend, const product<double, double>& p);
void multiply(host& backend, const product<bfloat16, float>& p);
void multiply(host& backend, const product<bfloat16, bfloat16>& p);

/// The same for c = [c +] a b^T with a few rows of fp32, as decoding has them: few_rows_impl.hpp.
void multiply_few_rows(const product<float, float>& p);
inline bool has_few_rows(const product<float, float>& p) {
  constexpr std::int64_t most = 64, least_depth = 128;  // elsewhere packing pays
  return !p.ta && p.tb && p.m <= most && p.k >= least_depth;
}

}  // namespace detail

template <class T, class C>
void host::matmul(transpose ta, view<host, const T> a, transpose tb, view<host, const T> b, view<host, C> c,
                  bool accumulate) {
  const bool at = ta == transpose::yes, bt = tb == transpose::yes;
  const std::int64_t m = at ? a.cols : a.rows, k = at ? a.rows : a.cols;
  const std::int64_t n = bt ? b.rows : b.cols, kb = bt ? b.cols : b.rows;
  require<shape_error>(k == kb && c.rows == m && c.cols == n, "[matmul] a ", a, at ? " transposed" : "", " times b ", b,
                       bt ? " transposed" : "", " does not give c ", c);
  if (m == 0 || n == 0) return;
  const auto block = [&](std::int64_t i, std::int64_t rows, std::int64_t j, std::int64_t cols) {
    const detail::product<T, C> p{at ? a.data + i : a.row(i), bt ? b.row(j) : b.data + j, &c(i, j), rows, cols, k, a.stride,
                                  b.stride, c.stride, at, bt, accumulate};
    if constexpr (std::is_same_v<T, float>)
      if (m == rows && detail::has_few_rows(p)) return detail::multiply_few_rows(p);
    detail::multiply(*this, p);
  };
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const detail::timed_operation timed(profile(), at ? "product a^T b" : bt ? "product a b^T" : "product a b", 2.0 * work);
  const auto parts = std::int64_t{work < 1 << 18 ? 1 : threads()};
  if (parts == 1) return block(0, m, 0, n);
  // Eigen and oneDNN sum in another order at the edges of a product, behind the last whole panel of 48 (AVX-512,
  // fp32; 24 or 12 with shorter vectors or doubles). Cuts fall between panels, and what is left over goes to the
  // last block, so that the bits do not depend on the number of threads.
  constexpr std::int64_t panel = 48;
  const bool by_rows = m >= n;
  const std::int64_t length = by_rows ? m : n;
  const std::int64_t step = std::max((length / parts + panel / 2) / panel, std::int64_t{1}) * panel;
  const std::int64_t blocks = std::max<std::int64_t>(length / step + (length % step >= panel ? 1 : 0), 1);
  for_ranges(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t from = p * step, count = p + 1 < blocks ? step : length - from;
      by_rows ? block(from, count, 0, n) : block(0, m, from, count);
    }
  });
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/backend/host/few_rows_impl.hpp>
#include <candor/backend/host/matmul_impl.hpp>
#endif
