// SPDX-License-Identifier: Apache-2.0
// Linear layers of several parts in one matrix, adapters on each of them, merging and dropout.
#include "autograd/finite_differences.hpp"

#include <candor/nn/linear.hpp>

#include <algorithm>

using candor::bfloat16;
using candor::forward_context;
using candor::host;
using candor::linear_layer;
using candor::parameter;
using candor::shape;
using candor::tape;
using candor::variable;

namespace {

constexpr std::int64_t rows = 6, in = 5;
const std::vector<std::pair<std::string, std::int64_t>> parts = {
    {"m.q_proj", 4}, {"m.k_proj", 2}, {"m.v_proj", 3}};
constexpr std::int64_t out = 9;

linear_layer<host, double> fused(host& cpu, bool bias) {
  linear_layer<host, double> layer(cpu, parts, in, bias);
  layer.weight.storage().copy_from(candor_test::random_values(out * in, 1));
  if (bias) layer.bias.storage().copy_from(candor_test::random_values(out, 2));
  return layer;
}

/// Adapters of rank 2 on q_proj and v_proj, B not zero.
void adapt(linear_layer<host, double>& layer, double dropout = 0.0) {
  layer.add_adapters({.rank = 2, .alpha = 3, .dropout = dropout, .seed = 4},
                     [](std::string_view path) { return path != "m.k_proj"; });
  std::uint64_t seed = 10;
  for (auto& a : layer.adapters) a.b.storage().copy_from(candor_test::random_values(a.b.size(), seed++));
}

variable<host, double> inputs(host& cpu) { return candor_test::random_variable(cpu, shape{rows, in}, 3); }

std::vector<double> run(linear_layer<host, double>& layer, host& cpu, bool adapters) {
  tape<host> quiet(cpu, tape<host>::mode::evaluate);
  return layer({.tape = quiet, .adapters = adapters}, inputs(cpu)).storage().to_vector();
}

/// x W^T + b + s x A^T B^T with plain loops.
std::vector<double> plain(linear_layer<host, double>& layer, host& cpu) {
  const auto x = inputs(cpu);
  std::vector<double> y;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = layer.bias ? layer.bias.value().data[o] : 0.0;
      for (std::int64_t i = 0; i < in; ++i) sum += x.value()(r, i) * layer.weight.value()(o, i);
      for (const auto& a : layer.adapters) {
        const std::int64_t own = o - a.first;
        if (own < 0 || own >= a.b.extents()[0]) continue;
        for (std::int64_t k = 0; k < 2; ++k)
          for (std::int64_t i = 0; i < in; ++i)
            sum += 1.5 * a.b.value()(own, k) * a.a.value()(k, i) * x.value()(r, i);
      }
      y.push_back(sum);
    }
  return y;
}

double worst(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

std::shared_ptr<const candor::tensor<host, std::uint64_t>> keys_of(host& cpu,
                                                                   const std::vector<std::uint64_t>& keys) {
  return std::make_shared<const candor::tensor<host, std::uint64_t>>(
      candor::tensor<host, std::uint64_t>::from(cpu, shape{static_cast<std::int64_t>(keys.size())}, keys));
}

}  // namespace

TEST_CASE("the parts of a fused layer lie below each other under their own names", "[nn][linear]") {
  host cpu;
  auto layer = fused(cpu, true);
  CHECK(layer.weight.extents() == shape{out, in});
  CHECK(layer.bias.extents() == shape{out});
  std::vector<std::string> names;
  layer.for_parameters([&](auto& p) {
    for (const auto& part : p.parts()) names.push_back(part.name);
  });
  CHECK(names == std::vector<std::string>{"m.q_proj.weight", "m.k_proj.weight", "m.v_proj.weight",
                                          "m.q_proj.bias", "m.k_proj.bias", "m.v_proj.bias"});
  CHECK(layer.weight.parts()[1].extents == shape{2, in});
  CHECK(worst(run(layer, cpu, true), plain(layer, cpu)) < 1e-13);
  auto bare = fused(cpu, false);
  CHECK_FALSE(bare.bias);
  CHECK(worst(run(bare, cpu, true), plain(bare, cpu)) < 1e-13);
}

TEST_CASE("an adapter changes the columns of its part alone, and merges into its rows",
          "[nn][linear][lora]") {
  host cpu;
  auto layer = fused(cpu, true);
  const auto base = run(layer, cpu, true);
  const auto weight = layer.weight.storage().to_vector();
  adapt(layer);
  REQUIRE(layer.adapters.size() == 2);
  CHECK(layer.adapters[0].a.name() == "m.q_proj.lora_A.weight");
  CHECK(layer.adapters[1].b.name() == "m.v_proj.lora_B.weight");
  CHECK(layer.adapters[1].first == 6);
  CHECK(layer.adapters[1].b.extents() == shape{3, 2});
  const auto adapted = run(layer, cpu, true);
  CHECK(worst(adapted, plain(layer, cpu)) < 1e-13);
  CHECK(run(layer, cpu, false) == base);
  for (std::size_t i = 0; i < adapted.size(); ++i)
    CHECK((adapted[i] == base[i]) == (i % out == 4 || i % out == 5));

  layer.merge_adapters();
  CHECK(layer.adapters.empty());
  CHECK(worst(run(layer, cpu, true), adapted) < 1e-13);
  const auto merged = layer.weight.storage().to_vector();
  for (std::size_t i = 0; i < merged.size(); ++i)
    CHECK((merged[i] == weight[i]) == (i / in == 4 || i / in == 5));
}

TEST_CASE("gradients of a fused layer with adapters, bias and residual", "[nn][linear][gradient]") {
  host cpu;
  const auto keys = keys_of(cpu, {11, 12, 13, 14, 15, 16});
  for (const bool dropout : {false, true}) {
    auto layer = fused(cpu, true);
    adapt(layer, 0.5);
    const auto x = inputs(cpu), residual = candor_test::random_variable(cpu, shape{rows, out}, 5);
    std::vector<parameter<host, double>*> learned = {&layer.weight, &layer.bias};
    for (auto& a : layer.adapters) learned.insert(learned.end(), {&a.a, &a.b});
    INFO("dropout " << dropout);
    candor_test::check_gradients(cpu, {x, residual}, learned, [&](tape<host>& t) {
      return layer({.tape = t, .dropout = dropout, .seed = 6, .step = 2, .token_keys = keys}, x, residual);
    });
  }
}

TEST_CASE("A is uniform within one over the root of its width and B is zero", "[nn][linear][lora]") {
  host cpu;
  const auto values = [&](const std::string& path, std::uint64_t seed) {
    linear_layer<host, float> layer(cpu, {{path, 8}}, 400, false);
    layer.add_adapters({.rank = 16, .seed = seed}, [](std::string_view) { return true; });
    for (const float b : layer.adapters[0].b.storage().to_vector()) REQUIRE(b == 0.0f);
    return layer.adapters[0].a.storage().to_vector();
  };
  const auto a = values("one", 1);
  double square = 0, most = 0;
  for (const float v : a) {
    square += static_cast<double>(v) * static_cast<double>(v) / static_cast<double>(a.size());
    most = std::max(most, std::abs(static_cast<double>(v)));
  }
  CHECK(most <= 0.05);
  CHECK(most > 0.0499);
  CHECK(square == Approx(0.05 * 0.05 / 3).epsilon(0.05));
  CHECK(values("one", 1) == a);
  CHECK(values("one", 2) != a);
  CHECK(values("two", 1) != a);
}

TEST_CASE("dropout drops inputs of an adapter by token and step, and scales what it keeps",
          "[nn][linear][lora][dropout]") {
  host cpu;
  const std::int64_t width = 64, tokens = 100;
  linear_layer<host, double> layer(cpu, {{"m.fc", width}}, width, false);
  layer.weight.storage().zero();
  layer.add_adapters({.rank = static_cast<int>(width), .alpha = static_cast<double>(width), .dropout = 0.25},
                     [](std::string_view) { return true; });
  std::vector<double> identity(static_cast<std::size_t>(width * width));
  for (std::size_t i = 0; i < static_cast<std::size_t>(width); ++i) identity[i * 65] = 1.0;
  layer.adapters[0].a.storage().copy_from(identity);
  layer.adapters[0].b.storage().copy_from(identity);
  const std::vector<double> ones(static_cast<std::size_t>(tokens * width), 1.0);
  const variable<host, double> x(candor::tensor<host, double>::from(cpu, shape{tokens, width}, ones), false);
  std::vector<std::uint64_t> keys;
  for (std::int64_t t = 0; t < tokens; ++t) keys.push_back(static_cast<std::uint64_t>(t % 50) + (7ull << 40));
  const auto kept = [&](std::uint64_t seed, std::uint64_t step) {
    tape<host> quiet(cpu, tape<host>::mode::evaluate);
    return layer(
               {.tape = quiet, .dropout = true, .seed = seed, .step = step, .token_keys = keys_of(cpu, keys)},
               x)
        .storage()
        .to_vector();
  };
  const auto y = kept(1, 1);
  double share = 0;
  for (const double v : y) {
    CHECK((v == 0.0 || v == Approx(1.0 / 0.75)));
    share += (v != 0.0) / static_cast<double>(y.size());
  }
  CHECK(share == Approx(0.75).margin(0.03));  // 3,200 draws: a standard error of 0.008
  const auto half = y.begin() + static_cast<std::ptrdiff_t>(y.size() / 2);
  CHECK(std::equal(y.begin(), half, half));                                  // equal keys, equal draws
  CHECK_FALSE(std::equal(y.begin(), y.begin() + width, y.begin() + width));  // other tokens, other draws
  CHECK(kept(1, 1) == y);
  CHECK(kept(1, 2) != y);
  CHECK(kept(2, 1) != y);
}

TEST_CASE("a merge into bfloat16 rounds once", "[nn][linear][lora][bf16]") {
  host cpu;
  linear_layer<host, bfloat16> layer(cpu, {{"m.fc", 3}}, 8, false);
  std::vector<bfloat16> weight;
  for (int i = 0; i < 24; ++i) weight.push_back(bfloat16(std::sin(static_cast<float>(i))));
  layer.weight.storage().copy_from(weight);
  layer.add_adapters({.rank = 1, .alpha = 0.5, .seed = 7}, [](std::string_view) { return true; });
  const std::vector<float> b = {0.3f, -0.7f, 0.01f};
  layer.adapters[0].b.storage().copy_from(b);
  const auto a = layer.adapters[0].a.storage().to_vector();
  layer.merge_adapters();
  const auto merged = layer.weight.storage().to_vector();
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const float exact = static_cast<float>(weight[i]) + 0.5f * b[i / 8] * a[i % 8];
    INFO("element " << i);
    CHECK(static_cast<float>(merged[i]) == Approx(static_cast<float>(bfloat16(exact))).epsilon(1e-7));
  }
}

TEST_CASE("options of adapters that cannot be used are refused", "[nn][linear][lora]") {
  host cpu;
  auto layer = fused(cpu, false);
  const auto all = [](std::string_view) { return true; };
  CHECK_THROWS_AS(layer.add_adapters({.rank = 0}, all), candor::usage_error);
  CHECK_THROWS_AS(layer.add_adapters({.alpha = 0}, all), candor::usage_error);
  CHECK_THROWS_AS(layer.add_adapters({.dropout = 1.0}, all), candor::usage_error);
  CHECK(layer.adapters.empty());
}
