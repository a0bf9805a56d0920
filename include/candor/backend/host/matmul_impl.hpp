// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Single-threaded products by Eigen; bfloat16 goes through fp32 copies, since Eigen multiplies its own
/// bfloat16 a hundred times slower than fp32.

#include <candor/backend/host/host_impl.hpp>
#include <candor/backend/host/matmul.hpp>

#define EIGEN_MPL2_ONLY
#include <Eigen/Core>

#include <vector>

namespace CANDOR_NS::detail {

template <class T>
using eigen_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using eigen_view = Eigen::Map<T, Eigen::Unaligned, Eigen::OuterStride<>>;

template <class T>
void eigen_multiply(const product<T, T>& p) {
  using matrix = eigen_matrix<T>;
  const eigen_view<const matrix> a(p.a, p.ta ? p.k : p.m, p.ta ? p.m : p.k, Eigen::OuterStride<>(p.lda));
  const eigen_view<const matrix> b(p.b, p.tb ? p.n : p.k, p.tb ? p.k : p.n, Eigen::OuterStride<>(p.ldb));
  eigen_view<matrix> c(p.c, p.m, p.n, Eigen::OuterStride<>(p.ldc));
  if (!p.accumulate) c.setZero();
  if (p.k == 0) return;
  if (p.ta && p.tb) c.noalias() += a.transpose() * b.transpose();
  if (p.ta && !p.tb) c.noalias() += a.transpose() * b;
  if (!p.ta && p.tb) c.noalias() += a * b.transpose();
  if (!p.ta && !p.tb) c.noalias() += a * b;
}

CANDOR_INLINE bool onednn_allowed(host& backend) { return backend.internals().options.use_onednn; }

CANDOR_INLINE void multiply(const product<double, double>& p, bool) { eigen_multiply(p); }

CANDOR_INLINE void multiply(const product<float, float>& p, bool) { eigen_multiply(p); }

/// An fp32 copy of a stored matrix of bfloat16.
CANDOR_INLINE std::vector<float> widen(const bfloat16* data, std::int64_t rows, std::int64_t cols, std::int64_t stride) {
  std::vector<float> out(static_cast<std::size_t>(rows * cols));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j) out[static_cast<std::size_t>(i * cols + j)] = data[i * stride + j];
  return out;
}

CANDOR_INLINE void multiply(const product<bfloat16, float>& p, bool) {
  const auto a = widen(p.a, p.ta ? p.k : p.m, p.ta ? p.m : p.k, p.lda);
  const auto b = widen(p.b, p.tb ? p.n : p.k, p.tb ? p.k : p.n, p.ldb);
  eigen_multiply(product<float, float>{a.data(), b.data(), p.c, p.m, p.n, p.k, p.ta ? p.m : p.k, p.tb ? p.k : p.n, p.ldc,
                                       p.ta, p.tb, p.accumulate});
}

CANDOR_INLINE void multiply(const product<bfloat16, bfloat16>& p, bool use_onednn) {
  std::vector<float> c(static_cast<std::size_t>(p.m * p.n));
  multiply(product<bfloat16, float>{p.a, p.b, c.data(), p.m, p.n, p.k, p.lda, p.ldb, p.n, p.ta, p.tb, false}, use_onednn);
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j) {
      bfloat16& out = p.c[i * p.ldc + j];
      out = bfloat16(c[static_cast<std::size_t>(i * p.n + j)] + (p.accumulate ? float(out) : 0.0f));
    }
}

}  // namespace CANDOR_NS::detail
