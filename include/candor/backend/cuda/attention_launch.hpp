// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which attention kernel serves a call, and with what grid and memory. `Launch` is launch(kernel, grid,
/// shared bytes): a stream of the device (attention.cuh), or the emulator in tests.

#include <candor/backend/cuda/attention_forward.hpp>
#include <candor/backend/cuda/attention_plain_forward.hpp>

#include <initializer_list>
#include <type_traits>
#include <utility>

namespace CANDOR_NS::device {

/// Widest head that the kernels take.
inline constexpr std::int64_t widest_head = plain_tiles::most_columns;

namespace detail {

template <class T>
bool aligned(const strided_rows<T>& rows) {
  return reinterpret_cast<std::uintptr_t>(rows.data) % 16 == 0 &&
         rows.stride * static_cast<std::int64_t>(sizeof(T)) % 16 == 0;
}
/// The kernels of tensor cores move 16 bytes at once.
template <class T>
bool for_tensor_cores(const head_shape& heads, const attention_tensors<T>& x) {
  return std::is_same_v<T, bfloat16> && heads.size % 8 == 0 && aligned(x.q) && aligned(x.k) && aligned(x.v) &&
         aligned(x.out) && aligned(x.d_out) && aligned(x.d_q) && aligned(x.d_k) && aligned(x.d_v);
}
/// Calls f(integral constant) with the width to which a head is padded.
template <class F>
auto with_padded_width(int size, F&& f) {
  if (size <= 64) return f(std::integral_constant<int, 64>());
  if (size <= 96) return f(std::integral_constant<int, 96>());
  return f(std::integral_constant<int, 128>());
}

}  // namespace detail

template <class Launch, class T>
auto attention_forward(Launch&& launch, const head_shape& heads, const attention_plan_view& plan,
                       const attention_tensors<T>& x) {
  const int blocks = plan.of_queries.blocks;
  if constexpr (std::is_same_v<T, bfloat16>)
    if (detail::for_tensor_cores(heads, x))
      return detail::with_padded_width(heads.size, [&](auto width) {
        using kernel = attention_forward_kernel<width()>;
        return launch(kernel{heads, plan, x}, grid_extent{blocks, heads.count}, kernel::shared_bytes);
      });
  using kernel = plain_forward_kernel<T>;
  return launch(kernel(heads, plan, x), grid_extent{blocks * kernel::blocks_each, heads.count},
                kernel::shared_bytes(heads.size));
}

}  // namespace CANDOR_NS::device
