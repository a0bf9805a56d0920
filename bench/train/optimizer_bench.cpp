// SPDX-License-Identifier: Apache-2.0
// AdamW over 4 M weights. GB/s counts what must move: gradient, both moments read and written, weights read and
// written (bf16: the fp32 master too, or random rounding without it).
#include "support/numbers.hpp"

#include <candor/train/adamw.hpp>

namespace {

using candor::host;

template <class T>
void optimizer(benchmark::State& state, bool round_at_random) {
  constexpr std::int64_t rows = 2048, cols = 2048;
  host cpu;
  candor::parameter<host, T> weight(cpu, "w", {rows, cols});
  weight.storage() = candor_bench::random_tensor<T>(cpu, {rows, cols});
  candor::adamw_optimizer<host> adam(cpu, {.stochastic_rounding = round_at_random}, 1);
  adam.add(weight);
  const auto gradient = candor_bench::random_tensor<float>(cpu, {rows, cols});
  for (auto _ : state) {
    state.PauseTiming();
    cpu.copy(weight.gradient().view().data, gradient.view().data, gradient.bytes());
    state.ResumeTiming();
    adam.step(1e-6, 1.0);
  }
  const double master = std::is_same_v<T, candor::bfloat16> && !round_at_random ? 8.0 : 0.0;
  candor_bench::report_bytes(state, static_cast<double>(rows * cols) * (4.0 + 16.0 + 2.0 * sizeof(T) + master));
}

[[maybe_unused]] const auto* f32 =
    benchmark::RegisterBenchmark("adamw/host/f32", [](benchmark::State& s) { optimizer<float>(s, false); })->UseRealTime();
[[maybe_unused]] const auto* bf16 =
    benchmark::RegisterBenchmark("adamw/host/bf16/master", [](benchmark::State& s) { optimizer<candor::bfloat16>(s, false); })->UseRealTime();
[[maybe_unused]] const auto* rounded =
    benchmark::RegisterBenchmark("adamw/host/bf16/rounded", [](benchmark::State& s) { optimizer<candor::bfloat16>(s, true); })->UseRealTime();

}  // namespace
