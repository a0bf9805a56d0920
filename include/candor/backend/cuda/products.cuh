// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Products by cuBLASLt: its heuristic's choice for each shape, or the quickest of eight that were timed,
/// which a file may keep.

#include <candor/backend/cuda/check.cuh>
#include <candor/backend/cuda/device_objects.cuh>
#include <candor/backend/cuda/product_cache.hpp>
#include <candor/backend/cuda/product_layout.hpp>

#include <array>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace CANDOR_NS::device {

/// The descriptors of one product; they live on the stack.
struct product_descriptors {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t first, second, result;

  explicit product_descriptors(const product_layout& p) {
    const cublasComputeType_t compute = p.type == product_type::f64    ? CUBLAS_COMPUTE_64F
                                        : p.type == product_type::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                       : CUBLAS_COMPUTE_32F;
    check(cublasLtMatmulDescInit(&operation, compute, p.type == product_type::f64 ? CUDA_R_64F : CUDA_R_32F),
          "[matmul] ", str(p));
    const auto set = [&](cublasLtMatmulDescAttributes_t which, bool transposed) {
      const cublasOperation_t how = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
      check(cublasLtMatmulDescSetAttribute(&operation, which, &how, sizeof how), "[matmul] ", str(p));
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, p.first_transposed);
    set(CUBLASLT_MATMUL_DESC_TRANSB, p.second_transposed);
    const auto describe = [&](cublasLtMatrixLayoutOpaque_t& layout, cudaDataType_t type,
                              const column_matrix& m) {
      check(cublasLtMatrixLayoutInit(&layout, type, static_cast<std::uint64_t>(m.rows),
                                     static_cast<std::uint64_t>(m.cols), m.stride),
            "[matmul] ", str(p));
    };
    const bool narrow = p.type == product_type::bf16 || p.type == product_type::bf16_to_f32;
    const cudaDataType_t wide = p.type == product_type::f64 ? CUDA_R_64F : CUDA_R_32F;
    describe(first, narrow ? CUDA_R_16BF : wide, p.first);
    describe(second, narrow ? CUDA_R_16BF : wide, p.second);
    describe(result, p.type == product_type::bf16 ? CUDA_R_16BF : wide, p.result);
  }
};

/// Scratch memory for timing: so many bytes that nobody else uses, or null where there is no room.
struct scratch_memory {
  void* (*take)(void* owner, std::size_t bytes);
  void (*give)(void* owner, void* data, std::size_t bytes);
  void* owner;
};

class products {
 public:
  struct options {
    bool deterministic = false;  ///< no algorithm that adds in place, and none that was chosen by a clock
    std::filesystem::path file =
        {};                     ///< of algorithms that are timed on first use; empty: the heuristic's choice
    std::size_t workspace = 0;  ///< bytes
  };

  products(const options& o, std::string machine) : options_(o), timed_(std::move(machine)) {
    check(cublasLtCreate(&library_), "[cuda] making a handle of cuBLASLt");
    if (!o.file.empty()) timed_.load(o.file);
  }
  products(const products&) = delete;
  products& operator=(const products&) = delete;
  ~products() { cublasLtDestroy(library_); }

  /// Writes the algorithms that were timed since the last time. io_error where the system refuses.
  void save() {
    if (!options_.file.empty() && timed_.changed()) timed_.save(options_.file);
  }

  /// result = [start +] op(first) op(second), where p accumulates; `start` may be the result.
  void multiply(const product_layout& p, const void* first, const void* second, const void* start, void* result,
                void* workspace, cudaStream_t stream, const scratch_memory& scratch) {
    product_descriptors d(p);
    const cublasLtMatmulAlgo_t algorithm =
        algorithm_for(p, d, first, second, start, workspace, stream, scratch);
    check(run(p, d, algorithm, first, second, start, result, workspace, stream), "[matmul] ", str(p));
  }

 private:
  static constexpr int candidates = 8, repetitions = 3;
  using found_algorithms = std::array<cublasLtMatmulHeuristicResult_t, candidates>;

  cublasStatus_t run(const product_layout& p, product_descriptors& d, const cublasLtMatmulAlgo_t& algorithm,
                     const void* first, const void* second, const void* before, void* after, void* workspace,
                     cudaStream_t stream) {
    const double one = 1.0, beta = p.accumulate ? 1.0 : 0.0;
    const float one_f = 1.0f, beta_f = p.accumulate ? 1.0f : 0.0f;
    const bool wide = p.type == product_type::f64;
    return cublasLtMatmul(library_, &d.operation, wide ? static_cast<const void*>(&one) : &one_f, first,
                          &d.first, second, &d.second, wide ? static_cast<const void*>(&beta) : &beta_f,
                          before, &d.result, after, &d.result, &algorithm, workspace, options_.workspace,
                          stream);
  }

  /// What the heuristic proposes for the layout, the best first.
  int propose(const product_layout& p, product_descriptors& d, found_algorithms& out, int most) {
    cublasLtMatmulPreferenceOpaque_t preference;
    check(cublasLtMatmulPreferenceInit(&preference), "[matmul] ", str(p));
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t which, const auto& value) {
      check(cublasLtMatmulPreferenceSetAttribute(&preference, which, &value, sizeof value), "[matmul] ",
            str(p));
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, options_.workspace);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, p.first_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, p.second_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, p.result_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, p.result_alignment);
    if (options_.deterministic)
      set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
          std::uint32_t{CUBLASLT_REDUCTION_SCHEME_MASK & ~CUBLASLT_REDUCTION_SCHEME_INPLACE});
    int found = 0;
    check(cublasLtMatmulAlgoGetHeuristic(library_, &d.operation, &d.first, &d.second, &d.result, &d.result,
                                         &preference, most, out.data(), &found),
          "[matmul] choosing an algorithm for ", str(p));
    require<device_error>(found > 0, "[cuda] [matmul] cuBLASLt has no algorithm for ", str(p));
    return found;
  }

  cublasLtMatmulAlgo_t algorithm_for(const product_layout& p, product_descriptors& d, const void* first,
                                     const void* second, const void* start, void* workspace,
                                     cudaStream_t stream, const scratch_memory& scratch) {
    const bool timing = !options_.file.empty() && !options_.deterministic;
    if (timing) {
      const product_layout shape = typical(p);
      const product_algorithm* known = timed_.find(shape);
      if (known == nullptr && time_candidates(p, shape, d, first, second, start, workspace, stream, scratch))
        known = timed_.find(shape);
      if (known != nullptr) {
        const auto algorithm = bit_cast<cublasLtMatmulAlgo_t>(*known);
        if (fits(d, algorithm)) return algorithm;
      }
    }
    const auto remembered = chosen_.find(p);
    if (remembered != chosen_.end()) return remembered->second;
    found_algorithms found;
    propose(p, d, found, 1);
    if (chosen_.size() >= most_remembered) chosen_.clear();  // passes have ever new lengths
    return chosen_.emplace(p, found[0].algo).first->second;
  }

  bool fits(product_descriptors& d, const cublasLtMatmulAlgo_t& algorithm) {
    cublasLtMatmulHeuristicResult_t answer{};
    return cublasLtMatmulAlgoCheck(library_, &d.operation, &d.first, &d.second, &d.result, &d.result,
                                   &algorithm, &answer) == CUBLAS_STATUS_SUCCESS &&
           answer.workspaceSize <= options_.workspace;
  }

  /// Times what the heuristic proposes, with a result of its own, and keeps the quickest. False where there
  /// is no memory for it.
  bool time_candidates(const product_layout& p, const product_layout& shape, product_descriptors& d,
                       const void* first, const void* second, const void* start, void* workspace,
                       cudaStream_t stream, const scratch_memory& scratch) {
    const std::size_t element = p.type == product_type::f64 ? 8 : p.type == product_type::bf16 ? 2 : 4;
    const auto bytes =
        element * static_cast<std::size_t>(p.result.stride) * static_cast<std::size_t>(p.result.cols);
    void* target = scratch.take(scratch.owner, bytes);
    if (target == nullptr) return false;
    found_algorithms found;
    const int count = propose(p, d, found, candidates);
    const device_event begin(true), end(true);
    float quickest = std::numeric_limits<float>::infinity();  // ms
    for (int i = 0; i < count; ++i) {
      const auto& algorithm = found[static_cast<std::size_t>(i)].algo;
      bool runs = true;
      for (int r = 0; r <= repetitions && runs; ++r) {  // the first one warms up
        if (r == 1) check(cudaEventRecord(begin.get(), stream), "[matmul] timing");
        runs =
            run(p, d, algorithm, first, second, start, target, workspace, stream) == CUBLAS_STATUS_SUCCESS;
      }
      if (!runs) continue;
      check(cudaEventRecord(end.get(), stream), "[matmul] timing");
      check(cudaEventSynchronize(end.get()), "[matmul] timing ", str(p));
      float time = 0;  // ms
      check(cudaEventElapsedTime(&time, begin.get(), end.get()), "[matmul] timing");
      if (time >= quickest) continue;
      quickest = time;
      timed_.put(shape, bit_cast<product_algorithm>(algorithm));
    }
    scratch.give(scratch.owner, target, bytes);
    return true;
  }

  static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(product_algorithm));
  static constexpr std::size_t most_remembered = 4096;

  options options_;
  product_cache timed_;
  std::map<product_layout, cublasLtMatmulAlgo_t> chosen_;  // the heuristic's choice, by exact shape
  cublasLtHandle_t library_ = nullptr;
};

}  // namespace CANDOR_NS::device
