// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention's forward pass by cuDNN 9.13 or newer, where its one operation for all of it can say who sees whom: equally
/// long trees that see themselves both ways, as the vision tower has them; bfloat16, heads of a multiple of 8 up to 128.
/// What hangs on stems is not of this kind, and in cuDNN would be three calls whose results are joined. The backward pass
/// is candor's own in any case, from the same lse. Compiled where CANDOR_HAS_CUDNN is 1 (cmake -DCANDOR_CUDNN=ON).

#ifndef CANDOR_HAS_CUDNN
#define CANDOR_HAS_CUDNN 0
#endif

#if CANDOR_HAS_CUDNN

#include <candor/backend/cuda/attention_call.hpp>
#include <candor/backend/cuda/check.cuh>
#include <candor/backend/cuda/equal_trees.hpp>
#include <candor/backend/cuda/products.cuh>

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::device {

inline void check(cudnnStatus_t status, std::string_view operation) {
  if (status == CUDNN_STATUS_SUCCESS) [[likely]]
    return;
  char reason[512] = {};
  cudnnGetLastErrorString(reason, sizeof reason);
  refuse_device(operation, cudnnGetErrorString(status), reason);
}

/// A part of a graph of cuDNN: attributes are set, then it is finished.
class cudnn_descriptor {
 public:
  explicit cudnn_descriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &descriptor_), "[attention] a descriptor of cuDNN");
  }
  cudnn_descriptor(cudnn_descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  cudnn_descriptor& operator=(cudnn_descriptor&&) = delete;
  ~cudnn_descriptor() {
    if (descriptor_ != nullptr) cudnnBackendDestroyDescriptor(descriptor_);
  }
  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class Value>
  cudnn_descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const Value* values,
                        std::int64_t count = 1) {
    check(cudnnBackendSetAttribute(descriptor_, name, type, count, values), "[attention] an attribute for cuDNN");
    return *this;
  }
  /// `part` must live as long as this.
  cudnn_descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t part) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &part);
  }
  /// False where cuDNN does not support what was asked for.
  bool finish() { return cudnnBackendFinalize(descriptor_) == CUDNN_STATUS_SUCCESS; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// Used by one thread at a time. Plans are made on first use of a shape, which takes cuDNN some time, and kept.
class cudnn_attention {
 public:
  explicit cudnn_attention(cudaStream_t stream) {
    check(cudnnCreate(&library_), "[attention] making a handle of cuDNN");
    check(cudnnSetStream(library_, stream), "[attention] giving cuDNN the stream");
  }
  cudnn_attention(const cudnn_attention&) = delete;
  cudnn_attention& operator=(const cudnn_attention&) = delete;
  ~cudnn_attention() {
    plans_.clear();
    cudnnDestroy(library_);
  }

  /// False where the shapes or the memory at hand are nothing for cuDNN: then nothing was done.
  bool forward(const attention_heads& heads, const equal_trees& trees, const attention_tensors<bfloat16>& x,
               const scratch_memory& scratch) {
    if (heads.size % 8 != 0 || heads.size > 128) return false;
    for (const auto& [data, stride] : {x.q, x.k, x.v, strided_rows<const bfloat16>{x.out.data, x.out.stride}})
      if (alignment_of(data, stride, 2) < bytes_aligned) return false;
    const call_shape shape{trees.count, trees.length, heads.count, heads.kv_count, heads.size,
                           x.q.stride,  x.k.stride,   x.v.stride,  x.out.stride,   x.lse.stride};
    auto known = plans_.find(shape);
    if (known == plans_.end()) known = plans_.emplace(shape, make_plan(shape)).first;
    if (!known->second) return false;
    const plan& p = *known->second;
    void* workspace = p.workspace > 0 ? scratch.take(scratch.owner, p.workspace) : nullptr;
    if (p.workspace > 0 && workspace == nullptr) return false;

    const float scale = static_cast<float>(heads.scale);
    const std::array<const void*, 6> data{x.q.data, x.k.data, x.v.data, x.out.data, x.lse.data, &scale};
    constexpr std::array<std::int64_t, 6> names{of_q, of_k, of_v, of_out, of_lse, of_scale};
    cudnn_descriptor arguments(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    arguments.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, data.data(), 6)
        .set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, names.data(), 6)
        .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &workspace);
    check(cudnnBackendFinalize(arguments.get()), "[attention] arguments for cuDNN");
    const cudnnStatus_t status = cudnnBackendExecute(library_, p.steps->get(), arguments.get());
    if (workspace != nullptr) scratch.give(scratch.owner, workspace, p.workspace);
    check(status, "[attention] forward by cuDNN");
    return true;
  }

 private:
  enum name : std::int64_t { of_q = 1, of_k, of_v, of_out, of_lse, of_scale };
  static constexpr std::int64_t bytes_aligned = 16;
  static constexpr int candidates = 8;

  struct call_shape {
    std::int64_t trees, length, heads, kv_heads, size, q, k, v, out, lse;  // the last five: strides of rows
    friend auto operator<=>(const call_shape&, const call_shape&) = default;
  };
  struct plan {
    std::vector<cudnn_descriptor> parts;  // what the steps consist of
    std::optional<cudnn_descriptor> steps;
    std::size_t workspace = 0;  // bytes
  };

  using four = std::array<std::int64_t, 4>;
  static cudnn_descriptor tensor_of(name id, cudnnDataType_t type, const four& extents, const four& strides) {
    cudnn_descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const std::int64_t unique = id;
    const bool by_value = id == of_scale;
    d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, &type)
        .set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, extents.data(), 4)
        .set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides.data(), 4)
        .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, &unique)
        .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, &bytes_aligned)
        .set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, &by_value);
    check(cudnnBackendFinalize(d.get()), "[attention] a tensor for cuDNN");
    return d;
  }

  /// Nothing where cuDNN has no engine for it on this device.
  std::optional<plan> make_plan(const call_shape& s) {
    plan p;
    const auto part = [&](cudnn_descriptor&& d) { return p.parts.emplace_back(std::move(d)).get(); };
    const auto rows = [&](name id, std::int64_t heads, std::int64_t stride) {  // (trees, heads, length, size)
      return part(tensor_of(id, CUDNN_DATA_BFLOAT16, {s.trees, heads, s.length, s.size},
                            {s.length * stride, s.size, stride, 1}));
    };
    cudnn_descriptor operation(CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
    operation.set(CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, rows(of_q, s.heads, s.q))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, rows(of_k, s.kv_heads, s.k))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, rows(of_v, s.kv_heads, s.v))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, rows(of_out, s.heads, s.out))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_STATSDESC,
             part(tensor_of(of_lse, CUDNN_DATA_FLOAT, {s.trees, s.heads, s.length, 1}, {s.length, s.lse, 1, 1})))
        .set(CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC,
             part(tensor_of(of_scale, CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1})));
    if (!operation.finish()) return {};
    cudnn_descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, &library_)
        .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, part(std::move(operation)));
    if (!graph.finish()) return {};
    cudnn_descriptor choice(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
    choice.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, part(std::move(graph)))
        .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, &mode);
    if (!choice.finish()) return {};
    std::array<cudnnBackendDescriptor_t, candidates> engines{};
    for (auto& engine : engines) engine = part(cudnn_descriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    std::int64_t found = 0, bytes = 0;
    check(cudnnBackendGetAttribute(choice.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   candidates, &found, engines.data()),
          "[attention] asking cuDNN for engines");
    for (const auto engine : std::span(engines).first(static_cast<std::size_t>(found))) {  // the best first
      p.steps.emplace(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      p.steps->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, &library_)
          .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine);
      if (!p.steps->finish()) continue;
      std::int64_t count = 0;
      check(cudnnBackendGetAttribute(p.steps->get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                     &bytes),
            "[attention] asking cuDNN for its workspace");
      p.workspace = static_cast<std::size_t>(bytes);
      return p;
    }
    return {};
  }

  cudnnHandle_t library_ = nullptr;
  std::map<call_shape, std::optional<plan>> plans_;
};

}  // namespace CANDOR_NS::device

#endif
