// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the body of a device kernel may use. A kernel is a struct with its arguments and one template over a
/// lane,
///
///     struct my_kernel {
///       static constexpr int threads = 128;                                   // of a block; whole warps
///       template <class Lane> CANDOR_DEVICE void operator()(const Lane& lane) const;
///     };
///
/// On the device the lane is `device_lane` (device_lane.cuh), a few instructions and nothing else. In tests
/// it is a fiber of an emulator (tests/cuda/simt.hpp), which runs the same body with g++ and reports races,
/// barriers that not all threads reach, copies that nobody waited for, and addresses that are misaligned or
/// out of bounds. So a kernel touches memory through its lane alone.
///
/// Members of a lane; all that are said to be of a warp or of a block must be reached by all its threads:
///
///     thread_index() block_size()             in the block
///     lane_index() warp_index()               in the warp of 32; which warp of the block
///     block_index(axis) grid_size(axis)       axis 0, 1, 2
///     load(p), store(p, v)                    global memory, 1 to 16 bytes at an address that is a multiple
///     of the size read<V>(at), write(at, v)               shared memory, the same at a byte offset
///     copy_async(at, p, present)              16 bytes from global to shared memory, zeros where not present
///     (p is then
///                                             not touched); arrives when the thread has waited
///     commit_copies(), wait_copies<n>()       closes a group; waits until at most n groups of this thread
///     are open sync(), sync_warp()                     barrier of the block, of the warp; each orders shared
///     memory shuffle(v, from), shuffle_xor(v, mask)  of a warp: the value of another lane, 4 or 8 bytes
///     load_matrix(r, at)                      of a warp: four 8x8 matrices of 2-byte elements (below)
///     load_matrix_transposed(r, at)           the same, each matrix transposed
///     multiply_add(c, a, b)                   of a warp: c += a b in tensor cores (below)
///     exp2(x)                                 2^x within 2 ulp, 0 where that is below all normal numbers
///     pack_bfloat16(low, high)                two floats, rounded to bfloat16, in one register
///
/// Registers lie over a warp as PTX has them (mma.m16n8k16, ldmatrix.x4). With g = lane / 4 and t = lane % 4:
/// - an 8x8 matrix: the lane holds row g, columns 2t and 2t + 1, the first in the low half;
///   in load_matrix lane l names the address of row l % 8 of matrix l / 8;
/// - a (16, 16): a[0] is (g, 2t), a[1] (g + 8, 2t), a[2] (g, 2t + 8), a[3] (g + 8, 2t + 8), each with its
/// right neighbour;
/// - b (16, 8): b[0] is (2t, g), b[1] (2t + 8, g), each with the element below;
/// - c (16, 8): c[0], c[1] are (g, 2t), (g, 2t + 1); c[2], c[3] those of row g + 8.

#include <candor/core/config.hpp>

#include <concepts>
#include <cstdint>

#if defined(__CUDACC__)
#define CANDOR_DEVICE __device__ CANDOR_ALWAYS_INLINE
/// Before a loop whose counter selects registers.
#define CANDOR_UNROLL _Pragma("unroll")
#else
#define CANDOR_DEVICE inline
#define CANDOR_UNROLL
#endif

namespace CANDOR_NS::device {

inline constexpr int warp_size = 32;

/// A byte offset into the shared memory of a block.
using shared_at = std::uint32_t;

/// Blocks of a launch along each axis.
struct grid_extent {
  int x = 1, y = 1, z = 1;
};

/// 16 bytes, the most that one thread moves at once.
struct alignas(16) sixteen_bytes {
  std::uint32_t word[4];
};

template <class L>
concept lane_like = requires(const L& lane, int i, shared_at at, float* p, const float* q,
                             std::uint32_t (&a)[4], std::uint32_t (&b)[2], float (&c)[4]) {
  { lane.thread_index() } -> std::same_as<int>;
  { lane.block_size() } -> std::same_as<int>;
  { lane.lane_index() } -> std::same_as<int>;
  { lane.warp_index() } -> std::same_as<int>;
  { lane.block_index(i) } -> std::same_as<int>;
  { lane.grid_size(i) } -> std::same_as<int>;
  { lane.load(q) } -> std::same_as<float>;
  lane.store(p, 1.0f);
  { lane.template read<float>(at) } -> std::same_as<float>;
  lane.write(at, 1.0f);
  lane.copy_async(at, q, true);
  lane.commit_copies();
  lane.template wait_copies<1>();
  lane.sync();
  lane.sync_warp();
  { lane.shuffle(1.0f, i) } -> std::same_as<float>;
  { lane.shuffle_xor(1.0, i) } -> std::same_as<double>;
  lane.load_matrix(a, at);
  lane.load_matrix_transposed(a, at);
  lane.multiply_add(c, a, b);
  { lane.exp2(1.0f) } -> std::same_as<float>;
  { lane.pack_bfloat16(1.0f, 2.0f) } -> std::same_as<std::uint32_t>;
};

}  // namespace CANDOR_NS::device
