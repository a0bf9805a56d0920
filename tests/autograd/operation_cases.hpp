// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The operations on the backends that CANDOR_TEST_BACKENDS lists: gradients against differences, what is
/// refused, and recompute. Included by one unit of an executable.

#include "autograd/finite_differences.hpp"
#include "support/backends.hpp"

#include <candor/autograd/ops/activation.hpp>
#include <candor/autograd/ops/add.hpp>
#include <candor/autograd/ops/attention.hpp>
#include <candor/autograd/ops/gather.hpp>
#include <candor/autograd/ops/head_best.hpp>
#include <candor/autograd/ops/head_kl.hpp>
#include <candor/autograd/ops/layer_norm.hpp>
#include <candor/autograd/ops/linear.hpp>
#include <candor/autograd/ops/log_probs.hpp>
#include <candor/autograd/ops/rms_norm.hpp>
#include <candor/autograd/ops/swiglu.hpp>
#include <candor/autograd/recompute.hpp>

#include <memory>
#include <numeric>
#include <vector>

namespace candor_test {

TEMPLATE_TEST_CASE("the gradient of a linear layer with bias and residual agrees with differences",
                   "[autograd][linear]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {5, 4}, 1), residual = random_variable(backend, {5, 3}, 2);
  auto w = random_parameter(backend, "w", {3, 4}, 3), b = random_parameter(backend, "b", {3}, 4);
  check_gradients(backend, {x, residual}, {&w, &b},
                  [&](auto& tape) { return candor::linear(tape, x, w, &b, residual); });
}

TEMPLATE_TEST_CASE("an input that is used twice receives both gradients", "[autograd][linear]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {5, 4}, 1);
  auto w = random_parameter(backend, "w", {4, 4}, 3);
  check_gradients(backend, {x}, {&w}, [&](auto& tape) {
    return candor::linear(tape, candor::activate<candor::gelu>(tape, candor::linear(tape, x, w)), w, nullptr,
                          x);
  });
}

TEMPLATE_TEST_CASE("a residual that goes into several sums receives all their gradients", "[autograd][linear]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {5, 4}, 1), other = random_variable(backend, {5, 4}, 2);
  auto w = random_parameter(backend, "w", {4, 4}, 3), norm = random_parameter(backend, "n", {4}, 4);
  SECTION("a block's: the sum is normalised, and goes on") {
    check_gradients(backend, {x, other}, {&w, &norm}, [&](auto& tape) {
      const auto h = candor::linear(tape, other, w, nullptr, x);
      return candor::linear(tape, candor::rms_norm(tape, h, norm, 1e-5), w, nullptr, h);
    });
  }
  SECTION("two linear layers'") {
    check_gradients(backend, {x, other}, {&w}, [&](auto& tape) {
      return candor::linear(tape, candor::linear(tape, other, w, nullptr, x), w, nullptr, x);
    });
  }
  SECTION("sums'") {
    check_gradients(backend, {x, other}, {}, [&](auto& tape) {
      return candor::add(tape, candor::add(tape, x, x), candor::add(tape, x, other));
    });
  }
  SECTION("one that does not fit is refused") {
    candor::tape<B> tape(backend);
    const auto narrow = random_variable(backend, {5, 3}, 2);
    CHECK_THROWS_AS(candor::linear(tape, x, w, nullptr, narrow), candor::shape_error);
  }
}

TEMPLATE_TEST_CASE("the gradients of the norms agree with differences", "[autograd][norm]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {4, 37}, 1);
  auto w = random_parameter(backend, "w", {37}, 3), b = random_parameter(backend, "b", {37}, 4);
  SECTION("rms") {
    check_gradients(backend, {x}, {&w}, [&](auto& tape) { return candor::rms_norm(tape, x, w, 1e-5); });
  }
  SECTION("layer") {
    check_gradients(backend, {x}, {&w, &b},
                    [&](auto& tape) { return candor::layer_norm(tape, x, w, b, 1e-5); });
  }
}

TEMPLATE_TEST_CASE("the gradients of the activations agree with differences", "[autograd][activation]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {4, 6}, 1, 2.0);
  SECTION("gelu") {
    check_gradients(backend, {x}, {}, [&](auto& tape) { return candor::activate<candor::gelu>(tape, x); });
  }
  SECTION("quick_gelu") {
    check_gradients(backend, {x}, {},
                    [&](auto& tape) { return candor::activate<candor::quick_gelu>(tape, x); });
  }
  SECTION("swiglu") {
    check_gradients(backend, {x}, {}, [&](auto& tape) { return candor::swiglu(tape, x); });
  }
}

TEMPLATE_TEST_CASE("the gradients of gathering and embedding agree with differences", "[autograd][gather]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {4, 3}, 1);
  auto table = random_parameter(backend, "table", {6, 3}, 2);
  SECTION("gather, with a row used twice and one not at all") {
    check_gradients(backend, {x}, {}, [&](auto& tape) { return candor::gather(tape, x, {3, 0, 3}); });
  }
  SECTION("words and patches") {
    check_gradients(backend, {x}, {&table}, [&](auto& tape) {
      return candor::embed(tape, table, {5, -1, -1, 5, 2}, x, {-1, 1, 0, -1, -1});
    });
  }
}

TEMPLATE_TEST_CASE("words and image features that are not there are refused", "[autograd][gather]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  candor::tape<B> tape(backend);
  candor::parameter<B, float> table(backend, "table", candor::shape{3, 2});
  table.storage().zero();
  const candor::variable<B, float> features(candor::tensor<B, float>::zeros(backend, {2, 2}), false);
  CHECK_NOTHROW(candor::embed(tape, table, {2, -1}, features, {-1, 1}));
  CHECK_THROWS_AS(candor::embed(tape, table, {3}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}, features, {-1, 2}), candor::shape_error);
  CHECK_THROWS_AS(candor::embed(tape, table, {0, -1}, features, {-1, -1}), candor::shape_error);
}

TEMPLATE_TEST_CASE("the gradient of attention agrees with differences", "[autograd][attention]",
                   CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  // A stem of 3 tokens, a branch of 2 with a branch of 2 on it, another branch of 2; then a tree of 2 whose
  // tokens see each other both ways.
  auto layout = std::make_shared<candor::attention_layout>();
  layout->reach = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 10};
  layout->visible_until = {9, 9, 9, 7, 7, 7, 7, 9, 9, 11, 11};
  layout->trees = {0, 9, 11};
  const auto heads = candor::attention_heads{4, 2, 6, 0.4};
  const auto qkv = random_variable(backend, {11, 8 * 6}, 1);
  std::shared_ptr<const candor::tensor<B, double>> rotation;
  SECTION("without positions") {}
  SECTION("with rotary positions on three axes") {
    candor::rotary_config config{100.0, 6, {0, 1, 2}};
    std::vector<std::int32_t> positions(33);
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int32_t>(i * 7 % 11);
    rotation = std::make_shared<candor::tensor<B, double>>(
        candor::rotation_table<B, double>(backend, config, positions, 11));
  }
  check_gradients(backend, {qkv}, {}, [&](auto& tape) {
    // The operation turns its input in place, so the differences work on a copy.
    auto copy = candor::gather(tape, qkv, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    return candor::self_attention(tape, copy, heads, layout, rotation);
  });
}

TEMPLATE_TEST_CASE(
    "the gradient of the head agrees with differences, with several targets a row and in chunks",
    "[autograd][log_probs]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto h = random_variable(backend, {5, 4}, 1);
  auto w = random_parameter(backend, "w", {7, 4}, 2);
  for (const std::int64_t chunk : {1, 2, 100})
    for (const std::int64_t kept : {0, 120, 1 << 20}) {  // bytes: none, two rows of seven doubles, all
      h.drop_gradient();
      w.drop_gradient();
      check_gradients(backend, {h}, {&w}, [&](auto& tape) {
        return candor::head_log_probs(tape, h, w, {{0, 1, 4, 4, 5, 7}, {3, 6, 1, 6, 0, 2, 5}},
                                      {.chunk_rows = chunk, .kept_bytes = kept});
      });
    }
}

TEMPLATE_TEST_CASE("the head's sums of squared probabilities are those of its softmax",
                   "[autograd][log_probs]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  candor::tape<B> quiet(backend, candor::tape<B>::mode::evaluate);
  const auto h = random_variable(backend, {3, 4}, 1);
  auto w = random_parameter(backend, "w", {7, 4}, 2);
  candor::head_targets every{{0, 7, 14, 21}, {}};
  for (int row = 0; row < 3; ++row)
    for (int v = 0; v < 7; ++v) every.tokens.push_back(v);
  candor::tensor<B, double> squares(backend, {3});
  const auto log_probs =
      candor::head_log_probs(quiet, h, w, every, {.chunk_rows = 2}, &squares).storage().to_vector();
  const auto found = squares.to_vector();
  for (std::size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::size_t v = 0; v < 7; ++v) sum += std::exp(2 * log_probs[row * 7 + v]);
    CHECK(found[row] == Approx(std::log(sum)).epsilon(1e-12));
  }
  candor::tensor<B, double> few(backend, {2});
  CHECK_THROWS_AS(candor::head_log_probs(quiet, h, w, every, {}, &few), candor::shape_error);
}

TEMPLATE_TEST_CASE("the gradient of the divergence from a reference agrees with differences, in chunks",
                   "[autograd][kl]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto h = random_variable(backend, {5, 4}, 1), reference = random_variable(backend, {5, 3}, 3);
  auto w = random_parameter(backend, "w", {7, 4}, 2), reference_w = random_parameter(backend, "r", {7, 3}, 4);
  for (const auto direction : {candor::kl_direction::forward, candor::kl_direction::reverse})
    for (const std::int64_t chunk : {1, 2, 100})
      for (const std::int64_t kept : {0, 120, 1 << 20}) {
        h.drop_gradient();
        w.drop_gradient();
        check_gradients(backend, {h}, {&w}, [&](auto& tape) {
          return candor::head_kl(tape, h, w, reference, reference_w, direction,
                                 {.chunk_rows = chunk, .kept_bytes = kept});
        });
      }
  CHECK_FALSE(reference.has_gradient());
  CHECK_FALSE(reference_w.has_gradient());
}

TEMPLATE_TEST_CASE(
    "the divergence is zero from itself, positive from others, and its sums are right far apart",
    "[autograd][kl]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  candor::tape<B> quiet(backend, candor::tape<B>::mode::evaluate);
  auto w = random_parameter(backend, "w", {40, 4}, 2), other_w = random_parameter(backend, "o", {40, 4}, 5);
  for (const double scale : {1e-3, 1.0, 30.0}) {  // of the logits: the last are some hundred nats apart
    const auto h = random_variable(backend, {3, 4}, 1, scale);
    candor::head_targets every{{0, 40, 80, 120}, {}};
    for (int i = 0; i < 120; ++i) every.tokens.push_back(i % 40);
    const auto log_pi = candor::head_log_probs(quiet, h, w, every).storage().to_vector();
    const auto log_rho = candor::head_log_probs(quiet, h, other_w, every).storage().to_vector();
    for (const auto direction : {candor::kl_direction::forward, candor::kl_direction::reverse}) {
      const auto same = candor::head_kl(quiet, h, w, h, w, direction).storage().to_vector();
      const auto apart = candor::head_kl(quiet, h, w, h, other_w, direction).storage().to_vector();
      const bool forward = direction == candor::kl_direction::forward;
      for (std::size_t row = 0; row < 3; ++row) {
        double expected = 0;
        for (std::size_t i = 40 * row; i < 40 * row + 40; ++i)
          expected += forward ? std::exp(log_rho[i]) * (log_rho[i] - log_pi[i])
                              : std::exp(log_pi[i]) * (log_pi[i] - log_rho[i]);
        CHECK(same[row] == 0.0);
        CHECK(apart[row] > 0.0);
        CHECK(apart[row] == Approx(expected).epsilon(1e-9).margin(1e-14));
      }
    }
  }
}

TEMPLATE_TEST_CASE("the divergence of no rows is empty, and models that do not fit are refused",
                   "[autograd][kl]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  auto w = random_parameter(backend, "w", {7, 4}, 2), more_words = random_parameter(backend, "m", {8, 4}, 3);
  const auto none = random_variable(backend, {0, 4}, 1), two = random_variable(backend, {2, 4}, 1);
  candor::tape<B> tape(backend);
  const auto y = candor::head_kl(tape, none, w, none, w);
  CHECK(y.rows() == 0);
  y.gradient();
  tape.backward();
  CHECK_THROWS_AS(candor::head_kl(tape, two, w, none, w), candor::shape_error);
  CHECK_THROWS_AS(candor::head_kl(tape, two, w, two, more_words), candor::shape_error);
}

TEMPLATE_TEST_CASE("the most likely token of each target is found, but for the one it excludes",
                   "[autograd][head_best]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto h = random_variable(backend, {5, 4}, 1);
  const auto w = random_parameter(backend, "w", {70, 4}, 2);
  const candor::head_targets targets{{0, 1, 4, 4, 5, 7}, {3, 6, 1, 6, 0, 2, 5}};
  const std::vector<std::int32_t> rows{0, 1, 1, 1, 3, 4, 4};
  const auto x = h.storage().to_vector(), y = w.storage().to_vector();
  const auto best = [&](std::int32_t row, std::int32_t excluded) {
    std::int32_t found = -1;
    double top = -1e300;
    for (std::int32_t v = 0; v < 70; ++v) {
      double z = 0;
      for (std::size_t k = 0; k < 4; ++k)
        z += x[4 * static_cast<std::size_t>(row) + k] * y[4 * static_cast<std::size_t>(v) + k];
      if (v != excluded && z > top) top = z, found = v;
    }
    return found;
  };
  for (const std::int64_t chunk : {1, 2, 100}) {
    std::vector<std::int32_t> excluded(7, -1);
    const auto first = candor::head_best_tokens(backend, h, w, targets, excluded, {.chunk_rows = chunk});
    REQUIRE(first.size() == 7);
    for (std::size_t t = 0; t < 7; ++t) {
      CHECK(first[t] == best(rows[t], -1));
      if (t % 2 == 0) excluded[t] = first[t];
    }
    const auto second = candor::head_best_tokens(backend, h, w, targets, excluded, {.chunk_rows = chunk});
    for (std::size_t t = 0; t < 7; ++t) CHECK(second[t] == best(rows[t], excluded[t]));
  }
  CHECK_THROWS_AS(candor::head_best_tokens(backend, h, w, targets, {-1}), candor::shape_error);
}

TEMPLATE_TEST_CASE("of equal logits the lowest id is the best, and none where all are NaN",
                   "[autograd][head_best]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const candor::variable<B, double> h(
      candor::tensor<B, double>::from(backend, {2, 1}, std::vector<double>{1, std::nan("")}), false);
  candor::parameter<B, double> w(backend, "w", candor::shape{40, 1});
  std::vector<double> values(40, 0.5);
  values[7] = values[33] = 2;
  w.storage().copy_from(values);
  CHECK(candor::head_best_tokens(backend, h, w, {{0, 2, 3}, {0, 0, 0}}, {-1, 7, -1}) ==
        std::vector<std::int32_t>{7, 33, -1});
}

TEMPLATE_TEST_CASE("a block that is run again gives the same bits as one that is kept",
                   "[autograd][recompute]", CANDOR_TEST_BACKENDS) {
  using B = TestType;
  CANDOR_BACKEND(B, backend);
  const auto x = random_variable(backend, {5, 4}, 1);
  auto w = random_parameter(backend, "w", {4, 4}, 3);
  const auto block = [&](candor::tape<B>& tape, const candor::variable<B, double>& in) {
    return candor::linear(tape, candor::activate<candor::gelu>(tape, candor::linear(tape, in, w)), w, nullptr,
                          in);
  };
  const auto run = [&](bool again) {
    x.drop_gradient();
    w.drop_gradient();
    candor::tape<B> tape(backend);
    const auto y = again ? candor::recompute(tape, x, block) : block(tape, x);
    std::vector<double> d(static_cast<std::size_t>(y.extents().size()));
    std::iota(d.begin(), d.end(), 0.0);
    set_gradient(y, d);
    tape.backward();
    auto out = y.storage().to_vector();
    for (const auto& gradient : {w.gradient().to_vector(), values_of<B>(backend, x.gradient())})
      out.insert(out.end(), gradient.begin(), gradient.end());
    return out;
  };
  REQUIRE(run(true) == run(false));
}

}  // namespace candor_test
