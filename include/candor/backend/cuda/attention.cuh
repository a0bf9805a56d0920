// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Attention on a stream of the device. A layout becomes an `attention_plan` on the host; its numbers are
/// copied to the device once a layout, and `plan.view(where they lie)` goes into the calls of all layers.
/// Each call only enqueues, and returns what the runtime says to that.

#include <candor/backend/cuda/attention_launch.hpp>
#include <candor/backend/cuda/device_lane.cuh>

namespace CANDOR_NS::device {
namespace detail {

/// attention_launch.hpp's `Launch` for a stream.
inline auto on_stream(cudaStream_t stream) {
  return [stream](const auto& kernel, const grid_extent& grid, std::uint32_t shared_bytes) {
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                      static_cast<unsigned>(grid.z));
    return launch_kernel(kernel, blocks, shared_bytes, stream);
  };
}

}  // namespace detail

template <class T>
cudaError_t launch_attention_forward(cudaStream_t stream, const attention_heads& heads,
                                     const attention_plan_view& plan, const attention_tensors<T>& x) {
  return attention_forward(detail::on_stream(stream), head_shape(heads), plan, x);
}

/// `workspace`: attention_workspace(heads, plan) elements, 16-byte aligned, free again when the stream gets
/// past it.
template <class T>
cudaError_t launch_attention_backward(cudaStream_t stream, const attention_heads& heads,
                                      const attention_plan_view& plan, const attention_tensors<T>& x,
                                      accumulator_t<T>* workspace) {
  return attention_backward(detail::on_stream(stream), head_shape(heads), plan, x, workspace);
}

/// `workspace`: decode_workspace(heads, plan) elements, as above.
template <class T>
cudaError_t launch_attention_decode(cudaStream_t stream, const attention_heads& heads,
                                    const decode_plan_view& plan, const decode_tensors<T>& x,
                                    accumulator_t<T>* workspace) {
  return attention_decode(detail::on_stream(stream), head_shape(heads), plan, x, workspace);
}

}  // namespace CANDOR_NS::device
