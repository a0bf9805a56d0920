// SPDX-License-Identifier: Apache-2.0
// Row programs, in GB/s of the memory that they must read and write: 936 tokens, rows of 512 and 4096 elements.
#include "support/numbers.hpp"

#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/core/error.hpp>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

using candor::host;
using candor::tensor;
constexpr std::int64_t tokens = 936;

/// Runs make(backend)'s program, which touches `bytes` a row.
template <class Make>
void declare(const std::string& name, std::int64_t width, double bytes, Make make) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    host cpu;
    const auto run = make(cpu);
    for (auto _ : state) {
      run(cpu);
      benchmark::ClobberMemory();
    }
    candor_bench::report_bytes(state, static_cast<double>(tokens * width) * bytes);
  })->Unit(benchmark::kMicrosecond)->UseRealTime();
}

template <class T>
auto shared_tensor(host& cpu, std::int64_t rows, std::int64_t cols) {
  return std::make_shared<tensor<host, T>>(candor_bench::random_tensor<T>(cpu, {rows, cols}));
}

template <class T>
void declare_all(std::int64_t width) {
  const auto name = [=](const char* program) {
    return candor::text("rows/host/", candor_bench::type_name<T>, "/", program, "/T:", tokens, "/C:", width);
  };
  constexpr double size = sizeof(T);
  declare(name("rms_norm"), width, 2 * size, [=](host& cpu) {
    const auto x = shared_tensor<T>(cpu, tokens, width), w = shared_tensor<T>(cpu, 1, width), y = shared_tensor<T>(cpu, tokens, width);
    const auto inverse = shared_tensor<float>(cpu, 1, tokens);
    return [=](host& b) {
      b.rows(tokens, 2 * width, candor::rms_norm_program<host, T>{x->view(), w->view(), y->view(), inverse->view(), 1e-5f});
    };
  });
  declare(name("rms_norm/backward"), width, 3 * size, [=](host& cpu) {
    const auto x = shared_tensor<T>(cpu, tokens, width), w = shared_tensor<T>(cpu, 1, width), d_y = shared_tensor<T>(cpu, tokens, width),
               d_x = shared_tensor<T>(cpu, tokens, width);
    const auto inverse = shared_tensor<float>(cpu, 1, tokens);
    return [=](host& b) {
      b.rows(tokens, 3 * width, candor::rms_norm_input_gradient<host, T>{x->view(), w->view(), d_y->view(), inverse->view(),
                                                                         {d_x->view(), false}});
    };
  });
  declare(name("swiglu"), width, 3 * size, [=](host& cpu) {
    const auto x = shared_tensor<T>(cpu, tokens, 2 * width), y = shared_tensor<T>(cpu, tokens, width);
    return [=](host& b) { b.rows(tokens, 16 * width, candor::swiglu_program<host, T>{x->view(), y->view()}); };
  });
  declare(name("swiglu/backward"), width, 5 * size, [=](host& cpu) {
    const auto x = shared_tensor<T>(cpu, tokens, 2 * width), d_y = shared_tensor<T>(cpu, tokens, width),
               d_x = shared_tensor<T>(cpu, tokens, 2 * width);
    return [=](host& b) {
      b.rows(tokens, 16 * width, candor::swiglu_gradient<host, T>{x->view(), d_y->view(), {d_x->view(), false}});
    };
  });
  declare(name("rotate"), width, 2 * size, [=](host& cpu) {
    const auto x = shared_tensor<T>(cpu, tokens, width);
    std::vector<std::int32_t> positions(tokens);
    std::iota(positions.begin(), positions.end(), 0);
    const auto table = std::make_shared<tensor<host, float>>(
        candor::rotation_table<host, float>(cpu, {.theta = 10000.0, .head_size = 64, .axis_of_frequency = {}}, positions, tokens));
    return [=](host& b) {
      candor::rotate_heads<host, T>(b, x->view(), table->view(), width / 64, 1);
    };
  });
}

[[maybe_unused]] const bool declared = (declare_all<float>(512), declare_all<float>(4096), declare_all<candor::bfloat16>(512),
                                        declare_all<candor::bfloat16>(4096), true);

}  // namespace
