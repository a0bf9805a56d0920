// SPDX-License-Identifier: Apache-2.0
// One DPO step of a small LLaVA of about 50 M parameters: two pairs of 576 image tokens, 60 words of question and two
// answers of 150, reference given, tower frozen, everything else trained (or LoRA of rank 64), AdamW at the end.
// GFLOP/s counts the useful work of the shared layout for every layout: 6 x (weights that see a token) x tokens with
// the stem once, 2 x tower, 6 x head on scored rows, attention left out.
#include "support/mini_llava.hpp"

#include <candor/model/compiled.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/train/adamw.hpp>
#include <candor/train/step.hpp>

#include <memory>

namespace {

using candor::host;
constexpr std::int64_t pairs = 2, question = 60, answer = 150;

template <class T>
void step(benchmark::State& state, candor::layout_kind layout, int rank) {
  host cpu;
  candor::llava_network<host, T> network(cpu, candor_bench::mini_llava());
  candor_bench::fill(network);
  double decoder = 0;  // weights of the blocks
  network.for_parameters([&](candor::parameter<host, T>& p) {
    if (p.name().find("language_model.layers") != std::string::npos) decoder += static_cast<double>(p.size());
  });
  if (rank > 0) network.add_lora({.rank = rank, .alpha = 2.0 * rank});
  candor::adamw_optimizer<host> optimizer(cpu, {}, 0);
  network.for_parameters([&](candor::parameter<host, T>& p) {
    if (p.trainable()) optimizer.add(p);
  });
  network.for_adapters([&](const std::string&, auto& adapter) {
    optimizer.add(adapter.a);
    optimizer.add(adapter.b);
  });
  std::vector<candor::encoded_record> records;
  for (std::uint64_t i = 0; i < pairs; ++i)
    records.push_back(candor_bench::random_pair(network.config(), i, question, answer, answer));
  std::vector<const candor::encoded_record*> pointers;
  for (const auto& r : records) pointers.push_back(&r);
  const std::vector<float> reference(static_cast<std::size_t>(answer), -10.0f);
  const std::vector<std::vector<std::span<const float>>> references(pairs, {reference, reference});
  candor::objective_step<host, T, candor::dpo> runner(network, {.beta = 0.1}, {.layout = layout});
  candor::tape<host> unused(cpu, candor::tape<host>::mode::evaluate);
  for (auto _ : state) {
    candor::step_values values;
    runner.run(pointers, references, {.tape = unused}, true, values, [] { return true; });
    benchmark::DoNotOptimize(optimizer.gradient_norm());
    optimizer.step(5e-7, 1.0);
  }
  const double tokens = static_cast<double>(network.config().image_tokens() + question + 2 * answer);
  const double tower = 577.0 * 6.0 * 12.0 * 384.0 * 384.0, head = 2.0 * answer * 512.0 * 32064.0;
  candor_bench::report_flops(state, pairs * ((rank > 0 ? 4.0 : 6.0) * decoder * tokens + 2.0 * tower + 6.0 * head));
  state.counters["pairs/s"] = benchmark::Counter(static_cast<double>(pairs), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["peak MiB"] = static_cast<double>(cpu.peak_bytes() >> 20);
}

template <class T>
void declare_all() {
  struct variant {
    const char* name;
    candor::layout_kind layout;
    int rank;
  };
  for (const variant v : {variant{"full/shared", candor::layout_kind::shared, 0}, variant{"full/packed", candor::layout_kind::packed, 0},
                          variant{"lora64/shared", candor::layout_kind::shared, 64}})
    benchmark::RegisterBenchmark(candor::text("step/host/", candor_bench::type_name<T>, "/", v.name).c_str(),
                                 [v](benchmark::State& s) { step<T>(s, v.layout, v.rank); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

[[maybe_unused]] const bool declared = (declare_all<float>(), declare_all<candor::bfloat16>(), true);

}  // namespace
