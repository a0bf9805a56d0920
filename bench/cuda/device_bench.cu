// SPDX-License-Identifier: Apache-2.0
/// @file
/// What the device does of what it could: row programs against the copy bandwidth of the same run, products
/// with the library's choice and with the quickest algorithm, attention, DPO steps and texts of a
/// LLaVA-1.5-7B of random weights, where a step's time goes and what determinism costs.
///
///     device_bench --list          the groups
///     device_bench GROUP           one JSON object a line
///     device_bench GROUP --tiny    the same of a tiny model: whether it runs, not how fast
#include "cuda/attention.cuh"
#include "cuda/decoding.cuh"
#include "cuda/device_timer.cuh"
#include "cuda/preference_steps.cuh"
#include "cuda/questions.cuh"
#include "cuda/step_costs.cuh"

#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>

namespace {

using candor::bfloat16;
using candor::cuda;
using candor_bench::line;
using candor_bench::measured_shape;
template <class T>
using tensor = candor::tensor<cuda, T>;

/// Of a step's pairs.
std::int64_t tokens_of(const measured_shape& s) { return std::int64_t{s.pairs} * (s.stem() + 2 * s.answer); }

void measure_rows(const measured_shape& shape) {
  cuda gpu{0};
  const std::int64_t tokens = tokens_of(shape), width = shape.model.text.hidden_size, ffn = shape.model.text.intermediate_size;
  const auto made = [&](std::int64_t rows, std::int64_t cols) {
    return candor_bench::noise<bfloat16>(gpu, {rows, cols}, 0.02f);
  };
  const auto x = made(tokens, width), y = made(tokens, width), d = made(tokens, width), w = made(1, width);
  auto out = made(tokens, width);
  tensor<float> inverse(gpu, {tokens});
  const double large = static_cast<double>(x.bytes());
  const double copy =
      candor_bench::seconds(gpu, [&] { gpu.copy(out.view().data, x.view().data, x.bytes()); });
  const double bandwidth = 2 * large / copy;  // bytes/s
  line("copy", {{"gigabytes_per_second", bandwidth / 1e9}});
  const auto report = [&](const char* name, double bytes, double seconds) {
    line(name, {{"microseconds", seconds * 1e6},
                {"gigabytes_per_second", bytes / seconds / 1e9},
                {"of_copy", bytes / seconds / bandwidth}});
  };
  report("rms_norm", 2 * large, candor_bench::seconds(gpu, [&] {
           gpu.rows(tokens, 2 * width,
                    candor::rms_norm_program<cuda, bfloat16>{x.view(), w.view(), out.view(), inverse.view(),
                                                             1e-5f});
         }));
  report("rms_norm input gradient, added", 4 * large, candor_bench::seconds(gpu, [&] {
           gpu.rows(tokens, 3 * width,
                    candor::rms_norm_input_gradient<cuda, bfloat16>{
                        x.view(), w.view(), d.view(), inverse.view(), {out.view(), true}});
         }));
  tensor<float> d_w(gpu, {width});
  using weight_gradient = candor::rms_norm_weight_gradient<cuda, bfloat16>;
  report("rms_norm weight gradient", 2 * large, candor_bench::seconds(gpu, [&] {
           gpu.rows(width / weight_gradient::width, tokens * weight_gradient::width,
                    weight_gradient{x.view(), d.view(), inverse.view(), {d_w.view(), false}});
         }));
  const auto gate_up = made(tokens, 2 * ffn), d_out = made(tokens, ffn);
  auto product = made(tokens, ffn), d_gate_up = made(tokens, 2 * ffn);
  const double wide = static_cast<double>(d_out.bytes());
  report("swiglu", 3 * wide, candor_bench::seconds(gpu, [&] {
           gpu.rows(tokens, 16 * ffn, candor::swiglu_program<cuda, bfloat16>{gate_up.view(), product.view()});
         }));
  report("swiglu gradient", 5 * wide, candor_bench::seconds(gpu, [&] {
           gpu.rows(tokens, 16 * ffn,
                    candor::swiglu_gradient<cuda, bfloat16>{
                        gate_up.view(), d_out.view(), {d_gate_up.view(), false}});
         }));
  report("add rows", 3 * large, candor_bench::seconds(gpu, [&] {
           gpu.rows(tokens, width, candor::add_rows_program<cuda, bfloat16>{x.view(), {out.view(), true}});
         }));
  const candor::shape square{2 * width, 2 * width};
  candor::parameter<cuda, bfloat16> p(gpu, "p", square);
  p.storage() = candor_bench::noise<bfloat16>(gpu, square, 0.02f);
  for (const bool rounding : {false, true}) {
    candor::adamw_optimizer<cuda> optimizer(gpu, {.stochastic_rounding = rounding}, 1);
    optimizer.add(p);
    const auto gradient = candor_bench::noise<float>(gpu, square, 1e-3f);
    const double bytes =
        static_cast<double>(p.size()) * (rounding ? 2 * 2 + 4 + 4 * 4 : 2 + 4 + 4 * 4 + 2 * 4);
    // The step drops its gradient, so a copy of it is made again; its time is taken away.
    const auto refill = [&] { gpu.copy(p.gradient().view().data, gradient.view().data, gradient.bytes()); };
    const double with = candor_bench::seconds(gpu, [&] {
      refill();
      optimizer.step(5e-7, 1.0);
    });
    const double without = candor_bench::seconds(gpu, [&] {
      refill();
      p.drop_gradient();
    });
    report(rounding ? "adamw, rounded at random" : "adamw, master copy", bytes, with - without);
  }
}

template <class T, class C>
void measure_product(cuda& gpu, const char* choice, const char* name, std::int64_t m, std::int64_t n,
                     std::int64_t k, bool ta, bool tb) {
  const auto a = candor_bench::noise<T>(gpu, ta ? candor::shape{k, m} : candor::shape{m, k}, 0.02f);
  const auto b = candor_bench::noise<T>(gpu, tb ? candor::shape{n, k} : candor::shape{k, n}, 0.02f);
  tensor<C> c(gpu, {m, n});
  const auto how = [](bool transposed) {
    return transposed ? candor::transpose::yes : candor::transpose::no;
  };
  const double time =
      candor_bench::seconds(gpu, [&] { gpu.matmul<T, C>(how(ta), a.view(), how(tb), b.view(), c.view()); });
  line(candor::text(name, ", ", choice),
       {{"m", static_cast<double>(m)},
        {"n", static_cast<double>(n)},
        {"k", static_cast<double>(k)},
        {"milliseconds", time * 1e3},
        {"teraflops",
         2e-12 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / time}});
}

void measure_products(const measured_shape& shape) {
  const std::int64_t tokens = tokens_of(shape), width = shape.model.text.hidden_size, ffn = shape.model.text.intermediate_size;
  const auto file =
      std::filesystem::temp_directory_path() / candor::text("candor_products_", ::getpid(), ".txt");
  for (const bool timed : {false, true}) {
    cuda gpu({.product_file = timed ? file : std::filesystem::path()});
    const char* choice = timed ? "timed" : "heuristic";
    measure_product<bfloat16, bfloat16>(gpu, choice, "largest", 2 * width, 2 * width, 2 * width, false, true);
    const struct {
      const char* name;
      std::int64_t out, in;
    } layers[] = {{"qkv", 3 * width, width}, {"out", width, width}, {"gate_up", 2 * ffn, width}, {"down", width, ffn}};
    for (const auto& l : layers) {
      measure_product<bfloat16, bfloat16>(gpu, choice, candor::text(l.name, " forward").c_str(), tokens,
                                          l.out, l.in, false, true);
      measure_product<bfloat16, bfloat16>(gpu, choice, candor::text(l.name, " input gradient").c_str(),
                                          tokens, l.in, l.out, false, false);
      measure_product<bfloat16, float>(gpu, choice, candor::text(l.name, " weight gradient").c_str(), l.out,
                                       l.in, tokens, true, false);
    }
  }
  std::filesystem::remove(file);
}

struct group {
  const char* name;
  void (*run)(const measured_shape&);
};
constexpr group groups[] = {
    {"rows", measure_rows},
    {"products", measure_products},
    {"attention", candor_bench::measure_attention},
    {"decoding", candor_bench::measure_texts},
    {"questions", candor_bench::measure_questions},
    {"step_lora_128", [](const measured_shape& s) { candor_bench::measure_step(s, {.rank = 128}); }},
    {"step_lora_64_in_24_gib",
     [](const measured_shape& s) {
       candor_bench::measure_step(s, {.rank = 64, .pairs = 1, .recompute = true}, std::uint64_t{45} << 29);
     }},
    {"step_full_master", [](const measured_shape& s) { candor_bench::measure_step(s, {}); }},
    {"step_full_rounded_in_80_gb",
     [](const measured_shape& s) {
       candor_bench::measure_step(s, {.pairs = 2, .rounding = true}, std::uint64_t{76} << 30);
     }},
    {"profile", candor_bench::measure_profile},
    {"determinism", candor_bench::measure_determinism},
};

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 3 && std::string(argv[2]) == "--tiny";
  const std::string wanted = argc == 2 || tiny ? argv[1] : "";
  if (wanted == "--list") {
    for (const auto& g : groups) std::printf("%s\n", g.name);
    return 0;
  }
  const auto found =
      std::find_if(std::begin(groups), std::end(groups), [&](const group& g) { return wanted == g.name; });
  if (found == std::end(groups)) {
    std::fprintf(stderr, "device_bench --list | GROUP [--tiny]\n");
    return 2;
  }
  try {
    found->run(tiny ? candor_bench::tiny_shape() : measured_shape());
    return 0;
  } catch (const candor::memory_error& full) {  // a smaller card: a result too
    line(wanted, {}, full.what());
    return 0;
  } catch (const candor::error& problem) {
    std::fprintf(stderr, "device_bench: %s\n", problem.what());
    return problem.exit_code();
  }
}
