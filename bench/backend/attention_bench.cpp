// SPDX-License-Identifier: Apache-2.0
// Attention over layouts of stems and branches, forward and backward. GFLOP/s counts the visible pairs of query and
// key only, so what is computed for nothing shows as a lower rate.
#include "support/numbers.hpp"

#include <candor/core/error.hpp>

#include <string>

namespace {

using candor::attention_heads;
using candor::attention_layout;
using candor::host;
using candor::shape;

/// `trees` stems of `stem` tokens with `branches` branches of `length` tokens each.
attention_layout shared(int trees, int stem, int branches, int length) {
  attention_layout layout;
  layout.trees.push_back(0);
  for (int t = 0; t < trees; ++t) {
    const auto begin = layout.trees.back(), end = begin + stem + branches * length;
    for (auto i = begin; i < end; ++i) {
      layout.reach.push_back(i);
      const auto branch = (i - begin - stem) / (length > 0 ? length : 1);
      layout.visible_until.push_back(i < begin + stem ? end : begin + stem + (branch + 1) * length);
    }
    layout.trees.push_back(end);
  }
  return layout;
}

double visible_pairs(const attention_layout& layout) {
  double pairs = 0;
  for (std::size_t t = 0; t + 1 < layout.trees.size(); ++t)
    for (auto q = layout.trees[t]; q < layout.trees[t + 1]; ++q)
      for (auto k = layout.trees[t]; k < layout.trees[t + 1]; ++k) pairs += layout.sees(q, k) ? 1 : 0;
  return pairs;
}

template <class T>
void attention(benchmark::State& state, const attention_layout& layout, const attention_heads& heads, bool backward) {
  host cpu;
  const std::int64_t tokens = layout.tokens(), width = heads.count * heads.size, kv_width = heads.kv_count * heads.size;
  const auto q = candor_bench::random_tensor<T>(cpu, {tokens, width}), k = candor_bench::random_tensor<T>(cpu, {tokens, kv_width}),
             v = candor_bench::random_tensor<T>(cpu, {tokens, kv_width}), d_out = candor_bench::random_tensor<T>(cpu, {tokens, width});
  candor::tensor<host, T> out(cpu, {tokens, width}), d_q(cpu, {tokens, width}), d_k(cpu, {tokens, kv_width}), d_v(cpu, {tokens, kv_width});
  candor::tensor<host, float> lse(cpu, {heads.count, tokens});
  const auto forward = [&] { cpu.attention_forward<T>(heads, layout, q.view(), k.view(), v.view(), out.view(), lse.view()); };
  forward();
  for (auto _ : state) {
    if (backward)
      cpu.attention_backward<T>(heads, layout, q.view(), k.view(), v.view(), out.view(), lse.view(), d_out.view(), d_q.view(),
                                d_k.view(), d_v.view());
    else
      forward();
    benchmark::ClobberMemory();
  }
  const double pair_flops = 4.0 * static_cast<double>(heads.size * heads.count);
  candor_bench::report_flops(state, visible_pairs(layout) * pair_flops * (backward ? 2.5 : 1.0));
}

template <class T>
void declare(const std::string& name, attention_layout layout, attention_heads heads) {
  for (const bool backward : {false, true})
    benchmark::RegisterBenchmark(candor::text("attention/host/", candor_bench::type_name<T>, "/", name, "/H:", heads.count,
                                              "/D:", heads.size, backward ? "/backward" : "/forward").c_str(),
                                 [=](benchmark::State& s) { attention<T>(s, layout, heads, backward); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
}

template <class T>
void declare_all() {
  const attention_heads small{4, 4, 24, 0.2}, medium{8, 8, 64, 0.125}, grouped{8, 2, 64, 0.125};
  declare<T>("small/16x60", shared(16, 30, 2, 15), small);             // 16 pairs of the embedded world
  declare<T>("pair/636+2x150", shared(1, 636, 2, 150), medium);        // 576 image tokens and 60 of text
  declare<T>("pair/636+2x150/grouped", shared(1, 636, 2, 150), grouped);
  declare<T>("questions/592+80x12", shared(1, 592, 80, 12), medium);   // 80 yes/no questions on an image
  declare<T>("tower/1x577", attention_layout::full(1, 577), medium);
}

[[maybe_unused]] const bool declared = (declare_all<float>(), declare_all<candor::bfloat16>(), true);

}  // namespace
