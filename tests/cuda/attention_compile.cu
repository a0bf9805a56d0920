// SPDX-License-Identifier: Apache-2.0
// Instantiates the attention kernels as device code. Compiling is the test.
#include <candor/backend/cuda/attention.cuh>

namespace device = candor::device;

template <class T>
cudaError_t launch_attention(cudaStream_t stream, const candor::attention_heads& heads,
                             const device::attention_plan_view& plan, const device::attention_tensors<T>& x) {
  return device::launch_attention_forward(stream, heads, plan, x);
}

template cudaError_t launch_attention(cudaStream_t, const candor::attention_heads&,
                                      const device::attention_plan_view&,
                                      const device::attention_tensors<candor::bfloat16>&);
template cudaError_t launch_attention(cudaStream_t, const candor::attention_heads&,
                                      const device::attention_plan_view&,
                                      const device::attention_tensors<float>&);
template cudaError_t launch_attention(cudaStream_t, const candor::attention_heads&,
                                      const device::attention_plan_view&,
                                      const device::attention_tensors<double>&);
