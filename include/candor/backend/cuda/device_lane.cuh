// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The lane of a CUDA device: the members that lane.hpp documents, each an instruction or two, and the launch
/// of a kernel written over them. Compute capability 8.0 and later.

#include <candor/backend/cuda/lane.hpp>

#include <cuda_runtime.h>

namespace CANDOR_NS::device {

extern __shared__ sixteen_bytes block_memory[];

class device_lane {
 public:
  CANDOR_DEVICE int thread_index() const { return static_cast<int>(threadIdx.x); }
  CANDOR_DEVICE int block_size() const { return static_cast<int>(blockDim.x); }
  CANDOR_DEVICE int lane_index() const { return static_cast<int>(threadIdx.x % warp_size); }
  CANDOR_DEVICE int warp_index() const { return static_cast<int>(threadIdx.x / warp_size); }
  CANDOR_DEVICE int block_index(int axis) const {
    return static_cast<int>(axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z);
  }
  CANDOR_DEVICE int grid_size(int axis) const {
    return static_cast<int>(axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z);
  }

  template <class V>
  CANDOR_DEVICE V load(const V* p) const {
    return *p;
  }
  template <class V>
  CANDOR_DEVICE void store(V* p, V value) const {
    *p = value;
  }
  template <class V>
  CANDOR_DEVICE V read(shared_at at) const {
    return *reinterpret_cast<const V*>(reinterpret_cast<const char*>(block_memory) + at);
  }
  template <class V>
  CANDOR_DEVICE void write(shared_at at, V value) const {
    *reinterpret_cast<V*>(reinterpret_cast<char*>(block_memory) + at) = value;
  }

  CANDOR_DEVICE void copy_async(shared_at at, const void* p, bool present) const {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(address(at)), "l"(p),
                 "r"(present ? 16 : 0)
                 : "memory");
  }
  CANDOR_DEVICE void commit_copies() const { asm volatile("cp.async.commit_group;" ::: "memory"); }
  template <int open>
  CANDOR_DEVICE void wait_copies() const {
    asm volatile("cp.async.wait_group %0;" ::"n"(open) : "memory");
  }

  CANDOR_DEVICE void sync() const { __syncthreads(); }
  CANDOR_DEVICE void sync_warp() const { __syncwarp(); }
  template <class V>
  CANDOR_DEVICE V shuffle(V value, int from) const {
    return __shfl_sync(0xffffffffu, value, from);
  }
  template <class V>
  CANDOR_DEVICE V shuffle_xor(V value, int mask) const {
    return __shfl_xor_sync(0xffffffffu, value, mask);
  }

  CANDOR_DEVICE void load_matrix(std::uint32_t (&r)[4], shared_at at) const {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address(at))
                 : "memory");
  }
  CANDOR_DEVICE void load_matrix_transposed(std::uint32_t (&r)[4], shared_at at) const {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address(at))
                 : "memory");
  }
  CANDOR_DEVICE void multiply_add(float (&c)[4], const std::uint32_t (&a)[4],
                                  const std::uint32_t (&b)[2]) const {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }

  CANDOR_DEVICE float exp2(float x) const {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
  }
  CANDOR_DEVICE std::uint32_t pack_bfloat16(float low, float high) const {
    std::uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
  }

 private:
  CANDOR_DEVICE std::uint32_t address(shared_at at) const {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(block_memory)) + at;
  }
};
static_assert(lane_like<device_lane>);

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads) run_kernel(const __grid_constant__ Kernel kernel) {
  kernel(device_lane{});
}

/// Starts a kernel; `shared_bytes` up to what the device allows a block (99 KiB on all of 8.0 to 9.0).
/// Returns the runtime's answer; an empty grid is no launch.
template <class Kernel>
cudaError_t launch_kernel(const Kernel& kernel, dim3 grid, std::uint32_t shared_bytes, cudaStream_t stream) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
  if (shared_bytes > 48 * 1024) {
    const cudaError_t allowed = cudaFuncSetAttribute(
        run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes));
    if (allowed != cudaSuccess) return allowed;
  }
  run_kernel<Kernel><<<grid, Kernel::threads, shared_bytes, stream>>>(kernel);
  return cudaGetLastError();
}

}  // namespace CANDOR_NS::device
