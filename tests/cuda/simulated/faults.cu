// SPDX-License-Identifier: Apache-2.0
// Kernels that a device may run today and fail on tomorrow: the simulated one names what is wrong with each,
// and runs the same kernel where it is put right.
#include "cuda/simulator/device.hpp"
#include "support/catch.hpp"

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

using candor_test::contains;

namespace {

extern __shared__ float words[];

/// Of a neighbour, in another warp where `far`.
template <bool right>
__global__ void reads_a_neighbour(float* out, bool far) {
  words[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (right) __syncthreads();
  out[threadIdx.x] = words[threadIdx.x ^ (far ? 32 : 1)];
}
/// A barrier of the warp serves the warp alone.
template <bool right>
__global__ void waits_for_its_warp(float* out) {
  words[threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncwarp();
  out[threadIdx.x] = words[threadIdx.x ^ (right ? 1 : 32)];
}
/// Half of the threads read what the others write.
template <bool right>
__global__ void writes_what_is_read(float* out, bool lower_reads) {
  words[threadIdx.x] = 1.0f;
  __syncthreads();
  const bool reads = (threadIdx.x < 32) == lower_reads;
  if (reads) out[threadIdx.x] = words[threadIdx.x ^ 32];
  if (right) __syncthreads();
  if (!reads) words[threadIdx.x] = 2.0f;
}
template <bool right>
__global__ void writes_beyond(float* out, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (!right || i < n) out[i] = 1.0f;
}
template <bool right>
__global__ void reads_beyond_shared(float* out) {
  words[threadIdx.x] = 0.0f;
  out[threadIdx.x] = words[threadIdx.x + (right ? 0 : 1)];
}
template <bool right>
__global__ void reads_four(float* out, const float* in) {
  const auto four = *reinterpret_cast<const float4*>(in + (right ? 4 : 1));
  out[threadIdx.x] = four.x + four.y + four.z + four.w;
}
template <bool right>
__global__ void some_wait(float* out) {
  if (right || threadIdx.x < 32) __syncthreads();
  out[threadIdx.x] = 1.0f;
}
template <bool right>
__global__ void some_shuffle(float* out) {
  float x = static_cast<float>(threadIdx.x);
  if (right || threadIdx.x % 32 < 16) x = __shfl_xor_sync(0xffffffffu, x, 1);
  out[threadIdx.x] = x;
}
template <bool right>
__global__ void copies(float* out, const float* in) {
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(words)) + 16 * threadIdx.x;
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(in + 4 * threadIdx.x),
               "r"(16)
               : "memory");
  asm volatile("cp.async.commit_group;" ::: "memory");
  if (right) asm volatile("cp.async.wait_group %0;" ::"n"(0) : "memory");
  out[threadIdx.x] = words[4 * threadIdx.x];
}

/// Two stages that are filled in turn: one is filled again while others may still read it.
template <bool right>
__global__ void fills_in_turn(float* out, const float* in) {
  const auto fill = [in](int stage) {
    const auto to =
        static_cast<std::uint32_t>(__cvta_generic_to_shared(words)) + 1024 * stage + 16 * threadIdx.x;
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to),
                 "l"(in + 4 * threadIdx.x), "r"(16)
                 : "memory");
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  fill(0);
  fill(1);
  float sum = 0;
  for (int k = 0; k < 4; ++k) {
    asm volatile("cp.async.wait_group %0;" ::"n"(1) : "memory");
    __syncthreads();
    sum += words[256 * (k % 2) + 4 * (threadIdx.x ^ 33)];
    if (right) __syncthreads();
    fill(k % 2);
  }
  asm volatile("cp.async.wait_group %0;" ::"n"(0) : "memory");
  out[threadIdx.x] = sum;
}
/// Lanes of a warp at two barriers.
template <bool right>
__global__ void waits_here_or_there(float* out) {
  words[threadIdx.x] = 1.0f;
  if (right || threadIdx.x % 2 == 0) {
    __syncthreads();
    out[threadIdx.x] = words[threadIdx.x];
  } else {
    __syncthreads();
    out[threadIdx.x] = 2 * words[threadIdx.x];
  }
}
/// Blocks that write the same place.
template <bool right>
__global__ void shares_an_output(float* out) {
  if (threadIdx.x == 0) out[right ? blockIdx.x : 0] = 1.0f;
}

constexpr int threads = 64, shared_bytes = 2 * 16 * threads;

class buffers {
 public:
  buffers() {
    gpu().recover();
    out = reinterpret_cast<float*>(gpu().memory.take(sizeof(float) * threads));
    in = reinterpret_cast<float*>(gpu().memory.take(sizeof(float) * 4 * threads));
    cudaMemsetAsync(in, 0, sizeof(float) * 4 * threads, nullptr);
  }
  buffers(const buffers&) = delete;
  buffers& operator=(const buffers&) = delete;
  ~buffers() {
    cudaStreamSynchronize(nullptr);
    gpu().memory.give(out);
    gpu().memory.give(in);
    gpu().recover();
  }
  /// What is wrong with what was launched, empty: nothing.
  static std::string fault() {
    cudaStreamSynchronize(nullptr);
    return gpu().fault();
  }

  float *out, *in;

 private:
  static simulator::device& gpu() { return simulator::device::instance(); }
};

}  // namespace

// Launches the kernel put right, then as it is, and looks for `wrong` in what the simulated device says.
#define CHECK_FAULT(wrong, kernel, ...) CHECK_FAULT_OF(1, wrong, kernel, __VA_ARGS__)
#define CHECK_FAULT_OF(blocks, wrong, kernel, ...)                 \
  do {                                                             \
    {                                                              \
      buffers b;                                                   \
      kernel<true><<<blocks, threads, shared_bytes>>> __VA_ARGS__; \
      CHECK(b.fault().empty());                                    \
    }                                                              \
    buffers b;                                                     \
    kernel<false><<<blocks, threads, shared_bytes>>> __VA_ARGS__;  \
    CHECK_THAT(b.fault(), contains(wrong) && contains(#kernel));   \
  } while (false)

TEST_CASE("what two threads do to the same bytes without a barrier is a race", "[simulated]") {
  CHECK_FAULT("which nobody wrote", reads_a_neighbour, (b.out, false));
  CHECK_FAULT("which nobody wrote", reads_a_neighbour, (b.out, true));
  CHECK_FAULT("which nobody wrote", waits_for_its_warp, (b.out));
  CHECK_FAULT("there and no barrier is between", writes_what_is_read, (b.out, true));
  CHECK_FAULT("there and no barrier is between", writes_what_is_read, (b.out, false));
  CHECK_FAULT_OF(3, "that another block of the launch wrote", shares_an_output, (b.out));
}

TEST_CASE("memory that is not there, not aligned or not written is not touched", "[simulated]") {
  CHECK_FAULT("of a region of 256", writes_beyond, (b.out + 32, 32));
  CHECK_FAULT("which nobody wrote", reads_beyond_shared, (b.out));
  CHECK_FAULT("which is not a multiple of 16", reads_four, (b.out, b.in));
  buffers b;
  reads_four<true><<<1, threads>>>(b.in, b.out);
  CHECK_THAT(b.fault(), contains("that nobody wrote"));
}

TEST_CASE("threads that others wait for must come", "[simulated]") {
  CHECK_FAULT("32 others wait at a barrier", some_wait, (b.out));
  CHECK_FAULT("lane 16", some_shuffle, (b.out));
  CHECK_FAULT("other lanes of the warp wait at another barrier", waits_here_or_there, (b.out));
}

TEST_CASE("an asynchronous copy has not arrived before its thread has waited for it", "[simulated]") {
  CHECK_FAULT("a copy is on its way there", copies, (b.out, b.in));
  CHECK_FAULT("there", fills_in_turn, (b.out, b.in));  // a copy is on its way, or somebody reads
}

TEST_CASE("a launch beyond the device's limits is refused", "[simulated]") {
  buffers b;
  some_wait<true><<<1, 2048>>>(b.out);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  some_wait<true><<<dim3(1, 70000), 32>>>(b.out);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  some_wait<true><<<1, 32, 50 * 1024>>>(b.out);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaFuncSetAttribute(some_wait<true>, cudaFuncAttributeMaxDynamicSharedMemorySize, 50 * 1024) ==
        cudaSuccess);
  some_wait<true><<<1, 32, 50 * 1024>>>(b.out);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(b.fault().empty());
  CHECK(cudaFuncSetAttribute(some_wait<true>, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024) ==
        cudaErrorInvalidValue);
  cudaGetLastError();
}
