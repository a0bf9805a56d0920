// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The guarded backend with the device's kernels for row programs and attention, run by the emulator.
/// Products are the host's.

#include "backend/guarded.hpp"
#include "cuda/simt.hpp"

#include <candor/backend/cuda/attention_launch.hpp>
#include <candor/backend/cuda/row_kernel.hpp>

#include <algorithm>
#include <vector>

namespace candor_test {

template <class T>
using host_view = candor::view<candor::host, T>;

struct emulated_kernels : host_kernels {
  static constexpr std::int64_t most_blocks = 3;  // few, so that each goes over several rows

  template <class Program>
  static void rows(candor::host&, std::int64_t count, std::int64_t width, const Program& program) {
    if (candor::device::takes_block(width))
      launch_rows<candor::device::block_rows_kernel<Program>>(count, program);
    else
      launch_rows<candor::device::warp_rows_kernel<Program>>(count, program);
  }

  template <class T>
  static void attention_forward(candor::host&, const candor::attention_heads& heads,
                                const candor::attention_layout& layout, const host_view<const T>& q,
                                const host_view<const T>& k, const host_view<const T>& v,
                                const host_view<T>& out, const host_view<candor::accumulator_t<T>>& lse) {
    simt device;
    for (const auto& m : {q, k, v}) allow(device, m, false);
    allow(device, out, true);
    allow(device, lse, true);
    const candor::device::attention_plan plan(layout);
    candor::device::attention_forward(
        launcher(device), candor::device::head_shape(heads), uploaded(device, plan),
        candor::device::attention_tensors<T>{
            .q = rows_of(q), .k = rows_of(k), .v = rows_of(v), .out = rows_of(out), .lse = rows_of(lse)});
  }
  template <class T>
  static void attention_backward(candor::host&, const candor::attention_heads& heads,
                                 const candor::attention_layout& layout, const host_view<const T>& q,
                                 const host_view<const T>& k, const host_view<const T>& v,
                                 const host_view<const T>& out,
                                 const host_view<const candor::accumulator_t<T>>& lse,
                                 const host_view<const T>& d_out, const host_view<T>& d_q,
                                 const host_view<T>& d_k, const host_view<T>& d_v) {
    using A = candor::accumulator_t<T>;
    simt device;
    for (const auto& m : {q, k, v, out, d_out}) allow(device, m, false);
    allow(device, lse, false);
    for (const auto& m : {d_q, d_k, d_v}) allow(device, m, true);
    const candor::device::attention_plan plan(layout);
    const auto there = uploaded(device, plan);
    std::vector<A> workspace(static_cast<std::size_t>(candor::device::attention_workspace(heads, there)));
    device.allow(workspace.data(), workspace.size() * sizeof(A), true);
    candor::device::attention_backward(
        launcher(device), candor::device::head_shape(heads), there,
        candor::device::attention_tensors<T>{.q = rows_of(q),
                                             .k = rows_of(k),
                                             .v = rows_of(v),
                                             .out = {const_cast<T*>(out.data), out.stride},
                                             .lse = {const_cast<A*>(lse.data), lse.stride},
                                             .d_out = rows_of(d_out),
                                             .d_q = rows_of(d_q),
                                             .d_k = rows_of(d_k),
                                             .d_v = rows_of(d_v)},
        workspace.data());
  }

  template <class T>
  static void attention_decode(candor::host&, const candor::attention_heads& heads,
                               const candor::decode_layout& layout, const host_view<const T>& q,
                               const host_view<const T>& stem_k, const host_view<const T>& stem_v,
                               const host_view<const T>& branch_k, const host_view<const T>& branch_v,
                               const host_view<T>& out) {
    simt device;
    for (const auto& m : {q, stem_k, stem_v, branch_k, branch_v}) allow(device, m, false);
    allow(device, out, true);
    const candor::device::decode_plan plan(layout, heads.count / heads.kv_count, 4);
    const auto there = uploaded(device, plan);
    std::vector<candor::accumulator_t<T>> workspace(
        static_cast<std::size_t>(candor::device::decode_workspace(heads, there)));
    device.allow(workspace.data(), workspace.size() * sizeof(workspace[0]), true);
    candor::device::attention_decode(launcher(device), candor::device::head_shape(heads), there,
                                     candor::device::decode_tensors<T>{.q = rows_of(q),
                                                                       .stem_k = rows_of(stem_k),
                                                                       .stem_v = rows_of(stem_v),
                                                                       .branch_k = rows_of(branch_k),
                                                                       .branch_v = rows_of(branch_v),
                                                                       .out = rows_of(out)},
                                     workspace.data());
  }

 private:
  template <class Kernel, class Program>
  static void launch_rows(std::int64_t count, const Program& program) {
    const auto blocks = std::min(candor::device::row_blocks(count, Kernel::rows_at_once), most_blocks);
    if (blocks <= 0) return;
    static simt device;
    device.launch(Kernel{program, count}, {.x = static_cast<int>(blocks)}, Kernel::shared_bytes);
  }
  static auto launcher(simt& device) {
    return
        [&device](const auto& kernel, const candor::device::grid_extent& grid, std::uint32_t shared_bytes) {
          device.launch(kernel, grid, shared_bytes);
          return 0;
        };
  }
  template <class T>
  static void allow(simt& device, const host_view<T>& m, bool writable) {
    if (m.rows > 0)
      device.allow(m.data, sizeof(T) * static_cast<std::size_t>((m.rows - 1) * m.stride + m.cols), writable);
  }
  template <class T>
  static candor::device::strided_rows<T> rows_of(const host_view<T>& m) {
    return {m.data, m.stride};
  }
  template <class Plan>
  static auto uploaded(simt& device, const Plan& plan) {
    device.allow(plan.numbers().data(), plan.numbers().size() * sizeof(std::int32_t), false);
    return plan.view(plan.numbers().data());
  }
};

using emulated = guarded_with<emulated_kernels>;
static_assert(candor::backend<emulated, float> && candor::backend<emulated, candor::bfloat16>);

}  // namespace candor_test
