// SPDX-License-Identifier: Apache-2.0
// The part of cuBLASLt that candor calls: column-major products, with what the descriptors and the chosen
// algorithm promise held against what comes.
#include "cuda/simulator/device.hpp"
#include "cuda/simulator/program.hpp"

#include <candor/core/error.hpp>
#include <candor/core/scalar.hpp>

#include <cublasLt.h>
#include <Eigen/Dense>

#include <algorithm>
#include <cstring>

using simulator::device;
using simulator::device_fault;

struct cublasLtContext {};

namespace {

struct operation {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t first, second;
};
struct layout {
  cudaDataType_t type;
  std::uint64_t rows, cols;
  std::int64_t stride;
};
struct preference {
  std::size_t workspace;
  std::uint32_t alignment[4];  // bytes of a, b, c, d
  std::uint32_t reductions;
};
struct algorithm {
  std::uint64_t number;
  std::uint32_t alignment[4];
  std::uint64_t workspace;
};

template <class Opaque, class Own>
void write(Opaque* to, const Own& from) {
  static_assert(sizeof(Own) <= sizeof(Opaque));
  *to = {};
  std::memcpy(to, &from, sizeof from);
}
template <class Own, class Opaque>
Own read(const Opaque* from) {
  Own own;
  std::memcpy(&own, from, sizeof own);
  return own;
}

std::size_t bytes_of(cudaDataType_t type) { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }

struct product {
  operation how;
  layout a, b, c, d;

  std::uint64_t rows() const { return how.first == CUBLAS_OP_N ? a.rows : a.cols; }
  std::uint64_t inner() const { return how.first == CUBLAS_OP_N ? a.cols : a.rows; }
  /// Whether cuBLASLt's table of supported types and shapes has it.
  bool possible() const {
    const bool single = how.scale == CUDA_R_32F &&
                        (how.compute == CUBLAS_COMPUTE_32F || how.compute == CUBLAS_COMPUTE_32F_FAST_TF32);
    const bool types = a.type == CUDA_R_64F ? how.compute == CUBLAS_COMPUTE_64F && how.scale == CUDA_R_64F &&
                                                  c.type == CUDA_R_64F
                       : a.type == CUDA_R_32F ? single && c.type == CUDA_R_32F
                                              : single && (c.type == CUDA_R_16BF || c.type == CUDA_R_32F);
    const auto whole = [](const layout& m) {
      return m.rows > 0 && m.cols > 0 && m.stride >= static_cast<std::int64_t>(m.rows);
    };
    const std::uint64_t inner_of_b = how.second == CUBLAS_OP_N ? b.rows : b.cols,
                        cols = how.second == CUBLAS_OP_N ? b.cols : b.rows;
    return types && a.type == b.type && c.type == d.type && whole(a) && whole(b) && whole(c) && whole(d) &&
           inner() == inner_of_b && rows() == c.rows && cols == c.cols && c.rows == d.rows &&
           c.cols == d.cols;
  }
};

template <class A>
using matrix = Eigen::Matrix<A, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

/// visit(pointer to column col, col) with the type of the elements, once the books have been asked.
template <class Visit>
void for_columns(const layout& m, const void* data, bool write, Visit&& visit) {
  const auto typed = [&]<class T>(const T* begin) {
    for (std::uint64_t col = 0; col < m.cols; ++col) {
      const T* column = begin + static_cast<std::int64_t>(col) * m.stride;
      device::instance().memory.touch(column, m.rows * sizeof(T), sizeof(T), write);
      visit(column, static_cast<Eigen::Index>(col));
    }
  };
  if (m.type == CUDA_R_64F)
    typed(static_cast<const double*>(data));
  else if (m.type == CUDA_R_32F)
    typed(static_cast<const float*>(data));
  else
    typed(static_cast<const candor::bfloat16*>(data));
}

template <class A>
matrix<A> fetch(const layout& m, const void* data) {
  matrix<A> out(m.rows, m.cols);
  for_columns(m, data, false, [&](const auto* column, Eigen::Index col) {
    for (Eigen::Index row = 0; row < out.rows(); ++row) out(row, col) = static_cast<A>(column[row]);
  });
  return out;
}
template <class A>
void keep(const matrix<A>& values, const layout& m, void* data) {
  for_columns(m, data, true, [&]<class T>(const T* column, Eigen::Index col) {
    for (Eigen::Index row = 0; row < values.rows(); ++row)
      const_cast<T*>(column)[row] = static_cast<T>(values(row, col));
  });
}

template <class A>
void multiply(const product& p, A alpha, A beta, const void* a, const void* b, const void* c, void* d) {
  const matrix<A> first =
      p.how.first == CUBLAS_OP_N ? fetch<A>(p.a, a) : matrix<A>(fetch<A>(p.a, a).transpose());
  const matrix<A> second =
      p.how.second == CUBLAS_OP_N ? fetch<A>(p.b, b) : matrix<A>(fetch<A>(p.b, b).transpose());
  matrix<A> out = alpha * (first * second);
  if (beta != A{0}) out += beta * fetch<A>(p.c, c);
  keep(out, p.d, d);
}

product product_of(cublasLtMatmulDesc_t how, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                   cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d) {
  return {read<operation>(how), read<layout>(a), read<layout>(b), read<layout>(c), read<layout>(d)};
}

}  // namespace

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
std::size_t cublasLtGetVersion() { return 0; }
const char* cublasLtGetStatusName(cublasStatus_t) { return "an error of cuBLASLt"; }
const char* cublasLtGetStatusString(cublasStatus_t) { return "as the simulated device says"; }

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t desc, std::size_t,
                                               cublasComputeType_t compute, cudaDataType_t scale) {
  write(desc, operation{compute, scale, CUBLAS_OP_N, CUBLAS_OP_N});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t which,
                                              const void* value, std::size_t bytes) {
  auto own = read<operation>(desc);
  if (bytes != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
  if (which == CUBLASLT_MATMUL_DESC_TRANSA)
    std::memcpy(&own.first, value, bytes);
  else if (which == CUBLASLT_MATMUL_DESC_TRANSB)
    std::memcpy(&own.second, value, bytes);
  else
    return CUBLAS_STATUS_NOT_SUPPORTED;
  write(desc, own);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t desc, std::size_t, cudaDataType type,
                                                 std::uint64_t rows, std::uint64_t cols,
                                                 std::int64_t stride) {
  write(desc, layout{type, rows, cols, stride});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t pref, std::size_t) {
  write(pref, preference{0, {256, 256, 256, 256}, CUBLASLT_REDUCTION_SCHEME_MASK});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t pref,
                                                    cublasLtMatmulPreferenceAttributes_t which,
                                                    const void* value, std::size_t bytes) {
  auto own = read<preference>(pref);
  const auto set = [&](auto& field) {
    if (bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&field, value, bytes);
    write(pref, own);
    return CUBLAS_STATUS_SUCCESS;
  };
  switch (which) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return set(own.workspace);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return set(own.alignment[0]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return set(own.alignment[1]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return set(own.alignment[2]);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return set(own.alignment[3]);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return set(own.reductions);
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t how,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t pref, int most,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  *found = 0;
  if (!product_of(how, a, b, c, d).possible()) return CUBLAS_STATUS_NOT_SUPPORTED;
  const auto wish = read<preference>(pref);
  for (; *found < std::min(most, 3); ++*found) {
    auto& r = results[*found];
    algorithm own{
        .number = static_cast<std::uint64_t>(*found) + 1, .alignment = {}, .workspace = wish.workspace / 2};
    std::ranges::copy(wish.alignment, own.alignment);
    write(&r.algo, own);
    r.workspaceSize = own.workspace;
    r.state = CUBLAS_STATUS_SUCCESS;
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t how, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                       cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t* algo,
                                       cublasLtMatmulHeuristicResult_t* result) {
  const auto own = read<algorithm>(algo);
  if (own.number == 0 || own.number > 3 || !product_of(how, a, b, c, d).possible())
    return CUBLAS_STATUS_NOT_SUPPORTED;
  result->workspaceSize = own.workspace;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t how, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, std::size_t bytes, cudaStream_t) {
  const product p = product_of(how, a_layout, b_layout, c_layout, d_layout);
  const auto own = read<algorithm>(algo);
  if (!p.possible() || own.number == 0 || own.workspace > bytes) return CUBLAS_STATUS_INVALID_VALUE;
  auto& gpu = device::instance();
  if (gpu.lost() != cudaSuccess) return CUBLAS_STATUS_EXECUTION_FAILED;
  double scale[2];
  for (const auto& [to, from] : {std::pair{&scale[0], alpha}, {&scale[1], beta}})
    *to = p.how.scale == CUDA_R_64F ? *static_cast<const double*>(from)
                                    : static_cast<double>(*static_cast<const float*>(from));
  gpu.enqueue([=, alpha = scale[0], beta = scale[1], &gpu] {
    const void* const operands[] = {a, b, c, d};
    for (std::size_t n = 0; n < 4; ++n)
      if (reinterpret_cast<std::uintptr_t>(operands[n]) % own.alignment[n] != 0)
        throw device_fault(candor::text(
            "operand ", n, " of a product is not aligned as was said to the heuristic: ", own.alignment[n]));
    const auto meets = [&](const void* x, const layout& m) {
      const auto bytes = [](const layout& l) {
        return static_cast<std::size_t>(l.stride) * l.cols * bytes_of(l.type);
      };
      const auto *one = static_cast<const std::byte*>(x), *other = static_cast<const std::byte*>(d);
      return one < other + bytes(p.d) && other < one + bytes(m);
    };
    if (meets(a, p.a) || meets(b, p.b))
      throw device_fault("the result of a product lies on what it is computed from");
    if (own.workspace > 0) {
      gpu.memory.touch(workspace, own.workspace, 256, true);
      std::memset(workspace, 0xff, own.workspace);
    }
    if (p.how.compute == CUBLAS_COMPUTE_64F)
      multiply<double>(p, alpha, beta, a, b, c, d);
    else
      multiply<float>(p, static_cast<float>(alpha), static_cast<float>(beta), a, b, c, d);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
