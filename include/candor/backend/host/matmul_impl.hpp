// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Single-threaded products by oneDNN where the build has it, else by Eigen; there bfloat16 goes through fp32
/// copies, since Eigen multiplies its own bfloat16 a hundred times slower than fp32.

#include <candor/backend/host/host_impl.hpp>
#include <candor/backend/host/matmul.hpp>
#include <candor/backend/host/onednn_impl.hpp>
#include <candor/tensor/tensor.hpp>

#define EIGEN_MPL2_ONLY
#include <Eigen/Core>

#include <algorithm>
#include <memory>
#include <mutex>

namespace CANDOR_NS::detail {

// Eigen's blocked product and its product with a vector are called below its expressions: those would instantiate eight
// products a type, each with its evaluators, and cost every header-only unit three seconds of compiling.

/// c += op(a) op(b) for the storage orders of op(a) and op(b).
template <int OrderA, int OrderB, class T>
void eigen_multiply_matrices(const product<T, T>& p) {
  using namespace Eigen;
  internal::gemm_blocking_space<RowMajor, T, T, Dynamic, Dynamic, Dynamic> blocking(p.m, p.n, p.k, 1, true);
  internal::general_matrix_matrix_product<Index, T, OrderA, false, T, OrderB, false, RowMajor, 1>::run(
      p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.c, 1, p.ldc, T(1), blocking, nullptr);
}

/// c += a op(b) for one contiguous row of a, as c^T += op(b)^T a^T; `Order` is that of op(b)^T.
template <int Order, class T>
void eigen_multiply_row(const product<T, T>& p) {
  using namespace Eigen;
  using matrix = internal::const_blas_data_mapper<T, Index, Order>;
  using vector = internal::const_blas_data_mapper<T, Index, RowMajor>;
  internal::general_matrix_vector_product<Index, T, matrix, Order, false, T, vector, false>::run(
      p.n, p.k, matrix(p.b, p.ldb), vector(p.a, 1), p.c, 1, T(1));
}

template <class T>
void eigen_multiply(const product<T, T>& p) {
  constexpr int rows = Eigen::RowMajor, columns = Eigen::ColMajor;
  if (!p.accumulate)
    for (std::int64_t i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.ldc, p.n, T(0));
  if (p.k == 0) return;
  if (p.m == 1 && (!p.ta || p.lda == 1)) return p.tb ? eigen_multiply_row<rows>(p) : eigen_multiply_row<columns>(p);
  if (p.ta && p.tb) eigen_multiply_matrices<columns, columns>(p);
  if (p.ta && !p.tb) eigen_multiply_matrices<columns, rows>(p);
  if (!p.ta && p.tb) eigen_multiply_matrices<rows, columns>(p);
  if (!p.ta && !p.tb) eigen_multiply_matrices<rows, rows>(p);
}

/// oneDNN does the product if the build and the backend have it and it takes the shape.
template <class T, class C>
bool onednn_multiply([[maybe_unused]] host& backend, [[maybe_unused]] const product<T, C>& p) {
#if CANDOR_HAS_ONEDNN
  host::state& s = backend.internals();
  if (!s.options.use_onednn || p.k == 0) return false;
  std::call_once(s.onednn_once, [&] { s.products = std::make_shared<onednn>(); });
  return s.products->multiply(backend, p);
#else
  return false;
#endif
}

/// Whether the processor multiplies bfloat16 as it is, and oneDNN may use that.
CANDOR_INLINE bool multiplies_bfloat16([[maybe_unused]] host& backend) {
#if CANDOR_HAS_ONEDNN && defined(__x86_64__)
  return backend.internals().options.use_onednn && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

CANDOR_INLINE void multiply(host&, const product<double, double>& p) { eigen_multiply(p); }

/// Whether oneDNN sums a product in the same order however many of its rows a thread has: without AVX-512 (AVX2
/// seen, oneDNN 2.6) it does not where there are few columns.
CANDOR_INLINE bool sums_in_one_order([[maybe_unused]] const product<float, float>& p) {
#if defined(__x86_64__)
  return p.n >= 16 || __builtin_cpu_supports("avx512f");
#else
  return true;
#endif
}

CANDOR_INLINE void multiply(host& backend, const product<float, float>& p) {
  if (!sums_in_one_order(p) || !onednn_multiply(backend, p)) eigen_multiply(p);
}

/// An fp32 copy of the part of a stored matrix that begins at `data`.
CANDOR_INLINE void widen(float* out, const bfloat16* data, std::int64_t rows, std::int64_t cols, std::int64_t stride) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) out[i * cols + j] = data[i * stride + j];
}

/// Blocks of b's columns and of the inner axis are widened to fp32, so a weight is never copied whole. Columns are
/// cut as threads cut products: between panels, and no thin block is left over.
template <class C>
void multiply_widened(host& backend, const product<bfloat16, C>& p) {
  constexpr std::int64_t panel = 48, block = 10 * panel;
  const std::int64_t width = std::min(block + panel - 1, p.n), depth = std::min(block, p.k);
  tensor<host, float> a(backend, shape{p.m, depth}), b(backend, shape{depth, width}), c(backend, shape{p.m, width});
  for (std::int64_t j = 0, cols; j < p.n; j += cols) {
    cols = p.n - j < block + panel ? p.n - j : block;
    c.zero();
    for (std::int64_t l = 0; l < p.k; l += block) {
      const std::int64_t inner = std::min(block, p.k - l);
      widen(a.view().data, p.ta ? p.a + l * p.lda : p.a + l, p.ta ? inner : p.m, p.ta ? p.m : inner, p.lda);
      widen(b.view().data, p.tb ? p.b + j * p.ldb + l : p.b + l * p.ldb + j, p.tb ? cols : inner, p.tb ? inner : cols, p.ldb);
      eigen_multiply(product<float, float>{a.view().data, b.view().data, c.view().data, p.m, cols, inner,
                                           p.ta ? p.m : inner, p.tb ? inner : cols, width, p.ta, p.tb, true});
    }
    for (std::int64_t i = 0; i < p.m; ++i) {
      const float* sum = c.view().row(i);
      C* out = p.c + i * p.ldc + j;
      if (p.accumulate)
        for (std::int64_t x = 0; x < cols; ++x) out[x] = static_cast<C>(sum[x] + static_cast<float>(out[x]));
      else
        for (std::int64_t x = 0; x < cols; ++x) out[x] = static_cast<C>(sum[x]);
    }
  }
}

CANDOR_INLINE void multiply(host& backend, const product<bfloat16, float>& p) {
  if (!onednn_multiply(backend, p)) multiply_widened(backend, p);
}

CANDOR_INLINE void multiply(host& backend, const product<bfloat16, bfloat16>& p) {
  if (!onednn_multiply(backend, p)) multiply_widened(backend, p);
}

}  // namespace CANDOR_NS::detail
