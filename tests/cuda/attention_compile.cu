// SPDX-License-Identifier: Apache-2.0
// Instantiates the attention kernels as device code. Compiling is the test.
#include <candor/backend/cuda/attention.cuh>

namespace device = candor::device;

namespace {

template <class T>
cudaError_t launch_attention(cudaStream_t stream, const candor::attention_heads& heads,
                             const device::attention_plan_view& plan, const device::attention_tensors<T>& x,
                             candor::accumulator_t<T>* workspace) {
  const cudaError_t answer = device::launch_attention_forward(stream, heads, plan, x);
  return answer != cudaSuccess ? answer
                               : device::launch_attention_backward(stream, heads, plan, x, workspace);
}

template <class T>
cudaError_t launch_decode(cudaStream_t stream, const candor::attention_heads& heads,
                          const device::decode_plan_view& plan, const device::decode_tensors<T>& x,
                          candor::accumulator_t<T>* workspace) {
  return device::launch_attention_decode(stream, heads, plan, x, workspace);
}

}  // namespace

void launch_attention_of_all_types(const candor::attention_heads& heads,
                                   const device::attention_plan_view& plan,
                                   const device::decode_plan_view& step) {
  launch_attention<candor::bfloat16>(nullptr, heads, plan, {}, nullptr);
  launch_decode<candor::bfloat16>(nullptr, heads, step, {}, nullptr);
  launch_attention<float>(nullptr, heads, plan, {}, nullptr);
  launch_decode<float>(nullptr, heads, step, {}, nullptr);
  launch_attention<double>(nullptr, heads, plan, {}, nullptr);
  launch_decode<double>(nullptr, heads, step, {}, nullptr);
}
