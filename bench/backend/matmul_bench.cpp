// SPDX-License-Identifier: Apache-2.0
// Products as a linear layer asks for them. Rows are swept in small steps around round numbers, so that cliffs show.
// NT: y = x W^T, NN: d_x = d_y W, TN: d_W = d_y^T x (always into fp32).
#include "support/numbers.hpp"

#include <candor/core/error.hpp>

#include <string>
#include <vector>

namespace {

using candor::host;
using candor::transpose;

struct sizes {
  std::int64_t m, n, k;
};

template <class T, class C>
void matmul(benchmark::State& state, sizes s, bool ta, bool tb, bool use_onednn) {
  host cpu({.use_onednn = use_onednn});
  const auto a = candor_bench::random_tensor<T>(cpu, ta ? candor::shape{s.k, s.m} : candor::shape{s.m, s.k});
  const auto b = candor_bench::random_tensor<T>(cpu, tb ? candor::shape{s.n, s.k} : candor::shape{s.k, s.n});
  candor::tensor<host, C> c(cpu, {s.m, s.n});
  for (auto _ : state) {
    cpu.matmul<T, C>(ta ? transpose::yes : transpose::no, a.view(), tb ? transpose::yes : transpose::no, b.view(), c.view());
    benchmark::ClobberMemory();
  }
  candor_bench::report_flops(state, 2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k));
}

template <class T, class C>
void declare(sizes s, bool ta = false, bool tb = true, bool use_onednn = true, const char* family = "matmul/") {
  const char* form = ta ? "/TN" : tb ? "" : "/NN";
  benchmark::RegisterBenchmark(candor::text(family, use_onednn ? "host/" : "eigen/", candor_bench::type_name<T>, "/M:", s.m,
                                            "/N:", s.n, "/K:", s.k, form).c_str(),
                               [=](benchmark::State& state) { matmul<T, C>(state, s, ta, tb, use_onednn); })
      ->Unit(benchmark::kMicrosecond)
      ->UseRealTime();
}

template <class T>
void declare_all() {
  for (const std::int64_t m : {60, 250, 500, 936, 1000, 1024, 1952, 1984, 2000, 2048}) declare<T, T>({m, 512, 512});
  for (const std::int64_t m : {60, 250, 1000, 2000}) declare<T, T>({m, 256, 96});
  declare<T, T>({936, 4096, 4096});
  declare<T, T>({936, 512, 512}, false, false);
  declare<T, float>({512, 512, 936}, true, false);
  for (const std::int64_t m : {60, 936, 2000}) declare<T, T>({m, 512, 512}, false, true, false);
}

/// Every row count that a pass may have is as good as the next: steps of 32 and odd counts, in all three forms.
template <class T>
void declare_sweep() {
  std::vector<std::int64_t> rows = {65, 97, 333, 577, 777, 935, 937, 1001, 1153, 1571, 1951, 1983, 1985, 2047, 2049};
  for (std::int64_t m = 64; m <= 2112; m += 32) rows.push_back(m);
  for (const std::int64_t m : rows) {
    declare<T, T>({m, 512, 512}, false, true, true, "rows_sweep/");
    declare<T, T>({m, 512, 512}, false, false, true, "rows_sweep/");
    declare<T, float>({512, 512, m}, true, false, true, "rows_sweep/");
  }
}

[[maybe_unused]] const bool declared = (declare_all<float>(), declare_all<candor::bfloat16>(), declare_sweep<float>(),
                                        declare_sweep<candor::bfloat16>(), true);

}  // namespace
