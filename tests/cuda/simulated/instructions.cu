// SPDX-License-Identifier: Apache-2.0
// Single instructions of the simulated device at their edges, against what the PTX manual says of them.
#include "cuda/simulator/device.hpp"
#include "support/catch.hpp"

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace {

/// Numbers that the compiler does not know, so that it folds nothing.
template <class T>
class on_device {
 public:
  explicit on_device(const std::vector<T>& values) : size_(values.size()) {
    data = reinterpret_cast<T*>(gpu().memory.take(sizeof(T) * size_));
    cudaMemcpyAsync(data, values.data(), sizeof(T) * size_, cudaMemcpyHostToDevice, nullptr);
  }
  on_device(const on_device&) = delete;
  on_device& operator=(const on_device&) = delete;
  ~on_device() {
    cudaStreamSynchronize(nullptr);
    gpu().memory.give(data);
  }
  std::vector<T> get() const {
    std::vector<T> out(size_);
    cudaMemcpyAsync(out.data(), data, sizeof(T) * size_, cudaMemcpyDeviceToHost, nullptr);
    REQUIRE(gpu().fault().empty());
    return out;
  }

  T* data;

 private:
  static simulator::device& gpu() { return simulator::device::instance(); }
  std::size_t size_;
};

__global__ void float_edges(float* y, const float* x) {
  const float a = x[0], b = x[1];  // NaN and 1
  y[0] = fminf(a, b);
  y[1] = fmaxf(a, b);
  y[2] = a < b ? 1.0f : 0.0f;
  y[3] = !(a < b) ? 1.0f : 0.0f;
  y[4] = a != b ? 1.0f : 0.0f;
  y[5] = fmaxf(x[2], x[3]);  // -0 and +0
  y[6] = fminf(x[3], x[2]);
  y[7] = copysignf(x[4], x[2]);
  y[8] = rintf(x[4]);
  y[9] = __fmaf_rd(b, b, x[5]);
  y[10] = fmaf(b, b, x[5]);
}

__global__ void integer_edges(std::uint32_t* y, const std::uint32_t* x, const std::int16_t* narrow) {
  const std::uint32_t a = x[0], b = x[1], n = x[2];
  asm("shl.b32 %0, %1, %2;" : "=r"(y[0]) : "r"(a), "r"(n));
  asm("shr.u32 %0, %1, %2;" : "=r"(y[1]) : "r"(a), "r"(n));
  asm("shr.s32 %0, %1, %2;" : "=r"(y[2]) : "r"(a), "r"(n));
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(y[3]) : "r"(a), "r"(b), "r"(x[3]));
  asm("bfi.b32 %0, %1, %2, 4, 8;" : "=r"(y[4]) : "r"(b), "r"(a));
  y[5] = static_cast<std::uint32_t>(__mulhi(static_cast<int>(a), static_cast<int>(b)));
  y[6] = static_cast<std::uint32_t>(static_cast<int>(a) / static_cast<int>(x[4]));
  y[7] = static_cast<std::uint32_t>(static_cast<int>(narrow[0]));
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y[8]) : "f"(__uint_as_float(x[5])), "f"(__uint_as_float(x[6])));
}

__global__ void shuffles(int* y) {
  const int lane = static_cast<int>(threadIdx.x);
  y[lane] = __shfl_up_sync(0xffffffffu, lane, 3, 8);
  y[32 + lane] = __shfl_down_sync(0xffffffffu, lane, 3, 8);
  y[64 + lane] = __shfl_sync(0xffffffffu, lane, 10, 8);
  y[96 + lane] = __shfl_xor_sync(0xffffffffu, lane, 5, 8);
}

}  // namespace

TEST_CASE("floats at their edges", "[simulated]") {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const on_device<float> x({none, 1.0f, -0.0f, 0.0f, 2.5f, -0x1p-30f}), y(std::vector<float>(11, 7.0f));
  float_edges<<<1, 1>>>(y.data, x.data);
  const auto found = y.get();
  CHECK(found == std::vector<float>{1, 1, 0, 1, 1, 0, -0.0f, -2.5f, 2, 0x1.fffffep-1f, 1});
  CHECK_FALSE(std::signbit(found[5]));
  CHECK(std::signbit(found[6]));
}

TEST_CASE("integers at their edges", "[simulated]") {
  const on_device<std::uint32_t> x(
      {0x80c0ff12u, 0x11223344u, 40, 0xb046u, 0xfffffff9u, 0x3f808000u, 0x40490fdbu}),
      y(std::vector<std::uint32_t>(9, 7u));
  const on_device<std::int16_t> narrow({-5});
  integer_edges<<<1, 1>>>(y.data, x.data, narrow.data);
  const auto a = static_cast<std::int32_t>(0x80c0ff12u);
  CHECK(y.get() ==
        std::vector<std::uint32_t>{0,            // shifted out
                                   0,            //
                                   0xffffffffu,  // its sign stays
                                   0xff124422u,  // bytes 6, 4 and 0, and the sign of byte 3
                                   (0x80c0ff12u & ~0xff0u) | 0x440u,
                                   static_cast<std::uint32_t>((std::int64_t{a} * 0x11223344) >> 32),
                                   static_cast<std::uint32_t>(a / -7), 0xfffffffbu,
                                   0x3f804049u});  // 1 + 2^-8 is a tie, which goes to even
}

TEST_CASE("shuffles stay within their segments", "[simulated]") {
  const on_device<int> y(std::vector<int>(128, -1));
  shuffles<<<1, 32>>>(y.data);
  const auto found = y.get();
  for (int lane = 0; lane < 32; ++lane) {
    CAPTURE(lane);
    const int begin = lane / 8 * 8, in = lane % 8;
    CHECK(found[static_cast<std::size_t>(lane)] == (in < 3 ? lane : lane - 3));
    CHECK(found[static_cast<std::size_t>(32 + lane)] == (in > 4 ? lane : lane + 3));
    CHECK(found[static_cast<std::size_t>(64 + lane)] == begin + 2);
    CHECK(found[static_cast<std::size_t>(96 + lane)] == (lane ^ 5));
  }
}
