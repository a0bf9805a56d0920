// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Runs of elements that a thread of a device moves 16 bytes at a time.

#include <candor/backend/cuda/lane.hpp>
#include <candor/core/bits.hpp>
#include <candor/core/scalar.hpp>

#include <cstdint>
#include <cstring>

namespace CANDOR_NS::device {

/// How many elements of these types go together: 16 bytes of the narrowest.
template <class... T>
inline constexpr int pack_size = [] {
  int narrowest = 16;
  ((narrowest = static_cast<int>(sizeof(T)) < narrowest ? static_cast<int>(sizeof(T)) : narrowest), ...);
  return 16 / narrowest;
}();

/// Whether a thread may move 16 bytes at multiples of them from here.
template <class... T>
CANDOR_DEVICE bool all_aligned(const T*... p) {
  return (... && (reinterpret_cast<std::uintptr_t>(p) % 16 == 0));
}

template <class T, int N>
struct pack {
  static_assert(sizeof(T) * N % 16 == 0);
  alignas(16) T values[N];

  CANDOR_DEVICE static pack load(const T* p) {
    pack out;
    move(out.values, p);
    return out;
  }
  CANDOR_DEVICE void store(T* p) const {
#if defined(__CUDA_ARCH__)
    if constexpr (sizeof(T) == 2) {  // nvcc makes several stores of some of these
      const auto word = [this](int n) {
        return std::uint32_t{bit_cast<std::uint16_t>(values[n])} | std::uint32_t{bit_cast<std::uint16_t>(values[n + 1])} << 16;
      };
#pragma unroll
      for (int n = 0; n < N; n += 8)
        __stwb(reinterpret_cast<uint4*>(p + n), make_uint4(word(n), word(n + 2), word(n + 4), word(n + 6)));
      return;
    }
#endif
    move(p, values);
  }

 private:
  CANDOR_DEVICE static void move(void* to, const void* from) {
    constexpr int pieces = static_cast<int>(sizeof(T)) * N / 16;
#if defined(__CUDA_ARCH__)
#pragma unroll
    for (int i = 0; i < pieces; ++i)
      static_cast<sixteen_bytes*>(to)[i] = static_cast<const sixteen_bytes*>(from)[i];
#else
    std::memcpy(to, from, std::size_t{pieces} * 16);
#endif
  }
};

}  // namespace CANDOR_NS::device
