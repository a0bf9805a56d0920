// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Which attention kernels serve a call, and with what grids and memory. `Launch` is launch(kernel, grid,
/// shared bytes): a stream of the device (attention.cuh), or the emulator in tests. It answers 0 where all
/// went well; the first other answer is returned at once.

#include <candor/backend/cuda/attention_backward_keys.hpp>
#include <candor/backend/cuda/attention_backward_queries.hpp>
#include <candor/backend/cuda/attention_backward_rows.hpp>
#include <candor/backend/cuda/attention_decode.hpp>
#include <candor/backend/cuda/attention_forward.hpp>
#include <candor/backend/cuda/attention_plain_backward.hpp>
#include <candor/backend/cuda/attention_plain_decode.hpp>
#include <candor/backend/cuda/attention_plain_forward.hpp>

#include <type_traits>

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
template <class T>
bool for_tensor_cores(const head_shape& heads, const decode_tensors<T>& x) {
  return std::is_same_v<T, bfloat16> && heads.size % 8 == 0 && aligned(x.q) && aligned(x.stem_k) &&
         aligned(x.stem_v) && aligned(x.branch_k) && aligned(x.branch_v);
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
                plain_forward_tiles<accumulator_t<T>>::bytes(heads.size));
}

/// Three passes: sums over rows, gradients of queries, gradients of keys and values. No atomics anywhere, so
/// the bits are the same in every run. `workspace`: attention_workspace(heads, plan) elements, 16-byte
/// aligned.
template <class Launch, class T>
auto attention_backward(Launch&& launch, const head_shape& heads, const attention_plan_view& plan,
                        const attention_tensors<T>& x, accumulator_t<T>* workspace) {
  using A = accumulator_t<T>;
  const row_statistics<A> statistics{workspace, plan.padded};
  const int kv_heads = heads.count / heads.group, row_blocks = plan.padded / query_block;
  if constexpr (std::is_same_v<T, bfloat16>)
    if (detail::for_tensor_cores(heads, x))
      return detail::with_padded_width(heads.size, [&](auto width) {
        using queries = query_gradient_kernel<width()>;
        using keys = key_gradient_kernel<width()>;
        using sums = row_statistics_kernel<T, 8>;
        auto answer =
            launch(sums{heads, plan.tokens, x, statistics, log2_e}, grid_extent{row_blocks, heads.count}, 0);
        if (answer != decltype(answer){}) return answer;
        answer = launch(queries{heads, plan, x, statistics}, grid_extent{plan.of_queries.blocks, heads.count},
                        queries::shared_bytes);
        if (answer != decltype(answer){}) return answer;
        return launch(keys{heads, plan, x, statistics}, grid_extent{plan.of_keys.blocks, kv_heads},
                      keys::shared_bytes);
      });
  using queries = plain_query_gradient_kernel<T>;
  using keys = plain_key_gradient_kernel<T>;
  const std::uint32_t shared_bytes = plain_backward_tiles<A>::bytes(heads.size);
  auto answer = launch(row_statistics_kernel<T, 1>{heads, plan.tokens, x, statistics, A(1)},
                       grid_extent{row_blocks, heads.count}, 0);
  if (answer != decltype(answer){}) return answer;
  answer = launch(queries(heads, plan, x, statistics),
                  grid_extent{plan.of_queries.blocks * queries::blocks_each, heads.count}, shared_bytes);
  if (answer != decltype(answer){}) return answer;
  return launch(keys(heads, plan, x, statistics),
                grid_extent{plan.of_keys.blocks * keys::blocks_each, kv_heads}, shared_bytes);
}

/// One new token a branch. `workspace`: decode_workspace(heads, plan) elements, 16-byte aligned.
template <class Launch, class T>
auto attention_decode(Launch&& launch, const head_shape& heads, const decode_plan_view& plan,
                      const decode_tensors<T>& x, accumulator_t<T>* workspace) {
  using A = accumulator_t<T>;
  const decode_parts<A> parts{workspace, workspace + std::int64_t{plan.parts} * heads.count * heads.size};
  const grid_extent grid{plan.tasks, heads.count / heads.group};
  const auto leave_parts = [&] {
    if constexpr (std::is_same_v<T, bfloat16>)
      if (detail::for_tensor_cores(heads, x))
        return detail::with_padded_width(heads.size, [&](auto width) {
          using kernel = decode_kernel<width()>;
          return launch(kernel{heads, plan, x, parts}, grid, kernel::shared_bytes);
        });
    return launch(plain_decode_kernel<T>(heads, plan, x, parts), grid,
                  plain_forward_tiles<A>::bytes(heads.size));
  };
  const auto answer = leave_parts();
  if (answer != decltype(leave_parts()){}) return answer;
  const decode_merge_kernel<T> merge{heads, plan, x.out, parts};
  return launch(merge, grid_extent{merge.blocks()}, 0);
}

}  // namespace CANDOR_NS::device
