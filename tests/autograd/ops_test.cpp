// SPDX-License-Identifier: Apache-2.0
#include "autograd/finite_differences.hpp"

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/low_rank.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/autograd/recompute.hpp>

using namespace candor_test;
using candor::variable;

TEST_CASE("the gradient of a linear layer with bias and residual agrees with differences",
          "[autograd][linear]") {
  host cpu;
  const auto x = random_variable(cpu, {5, 4}, 1), residual = random_variable(cpu, {5, 3}, 2);
  auto w = random_parameter(cpu, "w", {3, 4}, 3), b = random_parameter(cpu, "b", {3}, 4);
  check_gradients(cpu, {x, residual}, {&w, &b},
                  [&](auto& tape) { return candor::linear(tape, x, w, &b, residual); });
}

TEST_CASE("an input that is used twice receives both gradients", "[autograd][linear]") {
  host cpu;
  const auto x = random_variable(cpu, {5, 4}, 1);
  auto w = random_parameter(cpu, "w", {4, 4}, 3);
  check_gradients(cpu, {x}, {&w}, [&](auto& tape) {
    return candor::linear(tape, candor::activate<candor::gelu>(tape, candor::linear(tape, x, w)), w, nullptr,
                          x);
  });
}

TEST_CASE("the gradients of the norms agree with differences", "[autograd][norm]") {
  host cpu;
  const auto x = random_variable(cpu, {4, 37}, 1);
  auto w = random_parameter(cpu, "w", {37}, 3), b = random_parameter(cpu, "b", {37}, 4);
  SECTION("rms") {
    check_gradients(cpu, {x}, {&w}, [&](auto& tape) { return candor::rms_norm(tape, x, w, 1e-5); });
  }
  SECTION("layer") {
    check_gradients(cpu, {x}, {&w, &b}, [&](auto& tape) { return candor::layer_norm(tape, x, w, b, 1e-5); });
  }
}

TEST_CASE("the gradients of the activations agree with differences", "[autograd][activation]") {
  host cpu;
  const auto x = random_variable(cpu, {4, 6}, 1, 2.0);
  SECTION("gelu") {
    check_gradients(cpu, {x}, {}, [&](auto& tape) { return candor::activate<candor::gelu>(tape, x); });
  }
  SECTION("quick_gelu") {
    check_gradients(cpu, {x}, {}, [&](auto& tape) { return candor::activate<candor::quick_gelu>(tape, x); });
  }
  SECTION("swiglu") {
    check_gradients(cpu, {x}, {}, [&](auto& tape) { return candor::swiglu(tape, x); });
  }
}

TEST_CASE("the gradients of gathering and embedding agree with differences", "[autograd][gather]") {
  host cpu;
  const auto x = random_variable(cpu, {4, 3}, 1);
  auto table = random_parameter(cpu, "table", {6, 3}, 2);
  SECTION("gather, with a row used twice and one not at all") {
    check_gradients(cpu, {x}, {}, [&](auto& tape) { return candor::gather(tape, x, {3, 0, 3}); });
  }
  SECTION("words and patches") {
    check_gradients(cpu, {x}, {&table}, [&](auto& tape) {
      return candor::embed(tape, table, {5, -1, -1, 5, 2}, x, {-1, 1, 0, -1, -1});
    });
  }
}

TEST_CASE("words and image features that are not there are refused", "[autograd][gather]") {
  candor::host cpu({.threads = 1});
  candor::tape<candor::host> tape(cpu);
  candor::parameter<candor::host, float> table(cpu, "table", candor::shape{3, 2});
  table.storage().zero();
  const candor::variable<candor::host, float> features(
      candor::tensor<candor::host, float>::zeros(cpu, {2, 2}), false);
  CHECK_NOTHROW(candor::embed(tape, table, {2, -1}, features, {-1, 1}));
  CHECK_THROWS_AS(candor::embed(tape, table, {3}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}, features, {-1, 2}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}, features, {-1, -1}), candor::shape_error);
}

TEST_CASE("the gradient of attention agrees with differences", "[autograd][attention]") {
  host cpu;
  // A stem of 3 tokens, a branch of 2 with a branch of 2 on it, another branch of 2; then a tree of 2 whose
  // tokens see each other both ways.
  auto layout = std::make_shared<candor::attention_layout>();
  layout->reach = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 10};
  layout->visible_until = {9, 9, 9, 7, 7, 7, 7, 9, 9, 11, 11};
  layout->trees = {0, 9, 11};
  const auto heads = candor::attention_heads{4, 2, 6, 0.4};
  const auto qkv = random_variable(cpu, {11, 8 * 6}, 1);
  std::shared_ptr<const candor::tensor<host, double>> rotation;
  SECTION("without positions") {}
  SECTION("with rotary positions on three axes") {
    candor::rotary_config config{100.0, 6, {0, 1, 2}};
    std::vector<std::int32_t> positions(33);
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int32_t>(i * 7 % 11);
    rotation = std::make_shared<candor::tensor<host, double>>(
        candor::rotation_table<host, double>(cpu, config, positions, 11));
  }
  check_gradients(cpu, {qkv}, {}, [&](auto& tape) {
    // The operation turns its input in place, so the differences work on a copy.
    auto copy = candor::gather(tape, qkv, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    return candor::self_attention(tape, copy, heads, layout, rotation);
  });
}

TEST_CASE("the gradient of the head agrees with differences, with several targets a row and in chunks",
          "[autograd][log_probs]") {
  host cpu;
  const auto h = random_variable(cpu, {5, 4}, 1);
  auto w = random_parameter(cpu, "w", {7, 4}, 2);
  for (const std::int64_t chunk : {1, 2, 100})
    for (const std::int64_t kept : {0, 120, 1 << 20}) {  // bytes: none, two rows of seven doubles, all
      h.drop_gradient();
      w.drop_gradient();
      check_gradients(cpu, {h}, {&w}, [&](auto& tape) {
        return candor::head_log_probs(tape, h, w, {{0, 1, 4, 4, 5, 7}, {3, 6, 1, 6, 0, 2, 5}},
                                      {.chunk_rows = chunk, .kept_bytes = kept});
      });
    }
}

TEST_CASE("the gradient of a low-rank correction agrees with differences", "[autograd][low_rank]") {
  host cpu;
  const auto x = random_variable(cpu, {5, 6}, 1);
  auto w = random_parameter(cpu, "w", {7, 6}, 2), a = random_parameter(cpu, "a", {2, 6}, 3),
       b = random_parameter(cpu, "b", {4, 2}, 4);
  auto keys = std::make_shared<candor::tensor<host, std::uint64_t>>(
      candor::tensor<host, std::uint64_t>::from(cpu, {5}, std::vector<std::uint64_t>{11, 12, 13, 14, 15}));
  for (const double dropout : {0.0, 0.5}) {
    x.drop_gradient();
    for (auto* p : {&w, &a, &b}) p->drop_gradient();
    check_gradients(cpu, {x}, {&w, &a, &b}, [&](auto& tape) {
      auto y = candor::linear(tape, x, w);
      candor::add_low_rank(tape, y, 2, x, a, b, 1.5, {dropout, 1, 2, 3}, keys);
      return y;
    });
  }
}

TEST_CASE("a block that is run again gives the same bits as one that is kept", "[autograd][recompute]") {
  host cpu;
  const auto x = random_variable(cpu, {5, 4}, 1);
  auto w = random_parameter(cpu, "w", {4, 4}, 3);
  const auto block = [&](candor::tape<host>& tape, const variable<host, double>& in) {
    return candor::linear(tape, candor::activate<candor::gelu>(tape, candor::linear(tape, in, w)), w, nullptr,
                          in);
  };
  const auto run = [&](bool again) {
    x.drop_gradient();
    w.drop_gradient();
    candor::tape<host> tape(cpu);
    const auto y = again ? candor::recompute(tape, x, block) : block(tape, x);
    const auto d = y.sink().d;
    for (std::int64_t i = 0; i < d.size(); ++i) d.data[i] = static_cast<double>(i);
    tape.backward();
    auto out = y.storage().to_vector();
    const auto d_w = w.gradient().to_vector();
    out.insert(out.end(), d_w.begin(), d_w.end());
    out.insert(out.end(), x.gradient().data, x.gradient().data + 20);
    return out;
  };
  REQUIRE(run(true) == run(false));
}
