// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Random tensors and the counters that all benchmarks report.

#include <benchmark/benchmark.h>

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <string_view>
#include <type_traits>
#include <vector>

namespace candor_bench {

/// Normal numbers of a fixed seed.
template <class T>
candor::tensor<candor::host, T> random_tensor(candor::host& cpu, const candor::shape& extents, float scale = 1.0f) {
  candor::random_stream random(1, static_cast<std::uint64_t>(extents.size()));
  std::vector<T> values(static_cast<std::size_t>(extents.size()));
  for (auto& v : values) v = static_cast<T>(scale * random.normal());
  return candor::tensor<candor::host, T>::from(cpu, extents, values);
}

template <class T>
constexpr std::string_view type_name = std::is_same_v<T, float> ? "f32" : "bf16";

/// Work done in one iteration, shown as a rate: GFLOP/s, GB/s.
inline void report_flops(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * flops, benchmark::Counter::kIsIterationInvariantRate);
}
inline void report_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] = benchmark::Counter(1e-9 * bytes, benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace candor_bench
