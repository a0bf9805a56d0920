// SPDX-License-Identifier: Apache-2.0
// The head on the scored rows of a pair: 300 unique rows, one target each, forward and backward. GFLOP/s
// counts the products: one forward, three more backward (the logits again, d_hidden, d_weight). The
// divergence from a reference at these rows has the reference's product besides.
#include "support/numbers.hpp"

#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/core/error.hpp>

#include <array>
#include <numeric>
#include <utility>

namespace {

using candor::host;

template <class T>
void head(benchmark::State& state, std::int64_t rows, std::int64_t width, std::int64_t vocabulary,
          bool backward) {
  host cpu;
  const candor::variable<host, T> hidden(candor_bench::random_tensor<T>(cpu, {rows, width}), backward);
  candor::parameter<host, T> weight(cpu, "lm_head.weight", {vocabulary, width});
  weight.storage() = candor_bench::random_tensor<T>(cpu, {vocabulary, width}, 0.05f);
  candor::head_targets targets;
  targets.starts.resize(static_cast<std::size_t>(rows + 1));
  std::iota(targets.starts.begin(), targets.starts.end(), 0);
  for (std::int64_t i = 0; i < rows; ++i)
    targets.tokens.push_back(static_cast<std::int32_t>(i * 7919 % vocabulary));
  for (auto _ : state) {
    candor::tape<host> tape(cpu,
                            backward ? candor::tape<host>::mode::record : candor::tape<host>::mode::evaluate);
    const auto y = candor::head_log_probs(tape, hidden, weight, targets);
    if (backward) {
      y.gradient();
      tape.backward();
      hidden.drop_gradient();
      weight.drop_gradient();
    }
    benchmark::ClobberMemory();
  }
  candor_bench::report_flops(state,
                             (backward ? 4.0 : 1.0) * 2.0 * static_cast<double>(rows * width * vocabulary));
}

template <class T>
void divergence(benchmark::State& state, std::int64_t rows, std::int64_t width, std::int64_t vocabulary,
                bool backward) {
  host cpu;
  const candor::variable<host, T> hidden(candor_bench::random_tensor<T>(cpu, {rows, width}), backward),
      reference(candor_bench::random_tensor<T>(cpu, {rows, width}), false);
  candor::parameter<host, T> weight(cpu, "lm_head.weight", {vocabulary, width});
  weight.storage() = candor_bench::random_tensor<T>(cpu, {vocabulary, width}, 0.05f);
  for (auto _ : state) {
    candor::tape<host> tape(cpu,
                            backward ? candor::tape<host>::mode::record : candor::tape<host>::mode::evaluate);
    const auto y = candor::head_kl(tape, hidden, weight, reference, weight);
    if (backward) {
      y.gradient();
      tape.backward();
      hidden.drop_gradient();
      weight.drop_gradient();
    }
    benchmark::ClobberMemory();
  }
  candor_bench::report_flops(state,
                             (backward ? 4.0 : 2.0) * 2.0 * static_cast<double>(rows * width * vocabulary));
}

template <class T>
void declare_all() {
  using run = void (*)(benchmark::State&, std::int64_t, std::int64_t, std::int64_t, bool);
  for (const auto& [name, measured] :
       {std::pair<const char*, run>{"head/host/", head<T>}, {"head_kl/host/", divergence<T>}})
    for (const auto& [rows, width, vocabulary] :
         {std::array<std::int64_t, 3>{300, 512, 32064}, {480, 96, 181}})
      for (const bool backward : {false, true})
        benchmark::RegisterBenchmark(
            candor::text(name, candor_bench::type_name<T>, "/R:", rows, "/C:", width, "/V:", vocabulary,
                         backward ? "/forward+backward" : "/forward")
                .c_str(),
            [=, f = measured, r = rows, w = width, v = vocabulary](benchmark::State& s) {
              f(s, r, w, v, backward);
            })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
}

[[maybe_unused]] const bool declared = (declare_all<float>(), declare_all<candor::bfloat16>(), true);

}  // namespace
