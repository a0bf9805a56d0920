// SPDX-License-Identifier: Apache-2.0
// One DPO step of a LLaVA of about 50 M parameters: two pairs of 576 image tokens, 60 words of question and
// two answers of 150. GFLOP/s counts the useful work of the shared layout for every layout: 6 x (weights that
// see a token) x tokens with the stem once, 2 x tower, 6 x head on scored rows, attention left out.
// scaling/...: the same step with more pairs, longer answers, larger images; bench/tables.py fits the
// exponents.
// step/.../images/...: with 40 of the question's words in front of the image, as LLaVA-1.5's template has:
// DPO, and mDPO, which scores the chosen answer once more under a second image.
#include "support/dpo_step.hpp"

#include <candor/objective/mdpo.hpp>

namespace {

using candor::host;
using candor_bench::step_size;

template <class T>
void step(benchmark::State& state, const step_size& size, candor::layout_kind layout, int rank) {
  host cpu;
  candor_bench::dpo_step<T> work(cpu, size, layout, rank);
  work.run();  // the first step takes its memory from the system
  for (auto _ : state) work.run();
  double decoder = 0;  // weights of the blocks
  work.network().for_parameters([&](candor::parameter<host, T>& p) {
    if (p.name().find("language_model.layers") != std::string::npos) decoder += static_cast<double>(p.size());
  });
  const auto pairs = static_cast<double>(size.pairs),
             image = static_cast<double>(work.network().config().image_tokens());
  const double tokens = image + static_cast<double>(size.question + 2 * size.answer);
  const double tower = (image + 1) * 6.0 * 12.0 * 384.0 * 384.0;
  const double head = 2.0 * static_cast<double>(size.answer) * 512.0 * 32064.0;
  candor_bench::report_flops(state,
                             pairs * ((rank > 0 ? 4.0 : 6.0) * decoder * tokens + 2.0 * tower + 6.0 * head));
  state.counters["pairs/s"] = benchmark::Counter(pairs, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["tokens"] = pairs * tokens;
  state.counters["peak MiB"] = static_cast<double>(cpu.peak_bytes() >> 20);
}

template <class T, class Objective>
void images(const std::string& name) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [](benchmark::State& state) {
                                 host cpu;
                                 candor_bench::preference_step<T, Objective> work(
                                     cpu, {.before = 40}, candor::layout_kind::shared, 0);
                                 work.run();
                                 for (auto _ : state) work.run();
                                 state.counters["tokens"] = work.tokens();
                                 state.counters["peak MiB"] = static_cast<double>(cpu.peak_bytes() >> 20);
                               })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

template <class T>
void declare(const std::string& name, const step_size& size,
             candor::layout_kind layout = candor::layout_kind::shared, int rank = 0) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) { step<T>(state, size, layout, rank); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

template <class T>
void declare_all() {
  const std::string step = candor::text("step/host/", candor_bench::type_name<T>, "/");
  declare<T>(step + "full/shared", {});
  declare<T>(step + "full/packed", {}, candor::layout_kind::packed);
  declare<T>(step + "lora64/shared", {}, candor::layout_kind::shared, 64);
  images<T, candor::dpo>(step + "images/dpo");
  images<T, candor::mdpo>(step + "images/mdpo");
  const std::string scaling = candor::text("scaling/host/", candor_bench::type_name<T>, "/");
  declare<T>(scaling + "base", {});
  for (const std::int64_t pairs : {1, 4, 8})
    declare<T>(candor::text(scaling, "pairs:", pairs), {.pairs = pairs});
  for (const std::int64_t answer : {75, 300, 600, 1200})
    declare<T>(candor::text(scaling, "answer:", answer), {.answer = answer});
  for (const int side : {168, 504, 672})
    declare<T>(candor::text(scaling, "image:", side), {.image_size = side});
}

[[maybe_unused]] const bool declared = (declare_all<float>(), declare_all<candor::bfloat16>(), true);

}  // namespace
