// SPDX-License-Identifier: Apache-2.0
// AdamW against torch.optim.AdamW, small steps on bfloat16 weights, and states that go through a file
// unchanged.
#include "support/catch.hpp"
#include "support/child.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/train/adamw.hpp>

#include <cmath>
#include <numeric>

using candor::bfloat16;
using candor::host;
using candor::parameter;
using candor::shape;

namespace {

template <class T>
parameter<host, T> parameter_of(host& cpu, const std::vector<double>& values, const std::string& name = "w") {
  parameter<host, T> p(cpu, name, shape{static_cast<std::int64_t>(values.size())});
  std::vector<T> there;
  for (const double v : values) there.push_back(static_cast<T>(static_cast<candor::accumulator_t<T>>(v)));
  p.storage().copy_from(there);
  return p;
}

template <class T>
void set_gradient(parameter<host, T>& p, const std::vector<double>& values) {
  p.gradient().copy_from(std::vector<candor::accumulator_t<T>>(values.begin(), values.end()));
}

template <class T>
std::vector<double> values_of(const parameter<host, T>& p) {
  std::vector<double> out;
  for (const T v : p.storage().to_vector())
    out.push_back(static_cast<double>(static_cast<candor::accumulator_t<T>>(v)));
  return out;
}

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

/// torch 2.15 in float64, from w = 1, -0.5, 0.25, 2, 0 with the gradients below:
///   o = torch.optim.AdamW([w], lr=..., betas=..., eps=..., weight_decay=...); w.grad = g; o.step()
struct torch_run {
  candor::adamw options;
  std::vector<double> weights;
};
const std::vector<double> start = {1.0, -0.5, 0.25, 2.0, 0.0};
const std::vector<std::vector<double>> gradients = {
    {0.1, -0.2, 0.3, 0.0, 1e-4}, {0.05, 0.4, -0.3, 0.0, -2e-4}, {-1.0, 0.2, 0.3, 1e-3, 5e-5}};
const torch_run runs[] = {
    {{.learning_rate = 1e-2},
     {0.9862269267585524, -0.49885344363316625, 0.23716838263785847, 1.993611974594543,
      -0.004971393021957886}},
    {{.learning_rate = 3e-2, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.1},
     {0.9521713031852683, -0.49525237464197336, 0.21093206047981686, 1.9613233695454717,
      -0.012827854132967833}}};

/// Three steps; every gradient is given `times` too large and clipped back.
template <class T>
void check_against_torch(double tolerance, double times) {
  host cpu;
  for (const auto& run : runs) {
    auto w = parameter_of<T>(cpu, start);
    candor::adamw_optimizer<host> optimizer(cpu, run.options, 1);
    optimizer.add(w);
    for (auto g : gradients) {
      double squares = 0;
      for (double& v : g) {
        v *= times;
        squares += v * v;
      }
      set_gradient(w, g);
      CHECK(optimizer.gradient_norm() == Approx(std::sqrt(squares)).epsilon(1e-6));
      optimizer.step(run.options.learning_rate, 1.0 / times);
      CHECK_FALSE(w.has_gradient());
    }
    CHECK(optimizer.steps() == 3);
    const auto found = values_of(w);
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("element " << i);
      CHECK(std::abs(found[i] - run.weights[i]) <= tolerance);
    }
  }
}

/// `steps` steps of about 1e-5 each on weights of 1 with a constant gradient.
std::vector<double> small_steps(const candor::adamw& options, int steps, std::size_t count,
                                std::vector<double>* second = nullptr) {
  host cpu({.threads = 2});
  auto w = parameter_of<bfloat16>(cpu, std::vector<double>(count, 1.0), "first");
  auto other = parameter_of<bfloat16>(cpu, std::vector<double>(count, 1.0), "second");
  candor::adamw_optimizer<host> optimizer(cpu, options, 5);
  optimizer.add(w);
  optimizer.add(other);
  for (int s = 0; s < steps; ++s) {
    set_gradient(w, std::vector<double>(count, 0.5));
    set_gradient(other, std::vector<double>(count, 0.5));
    optimizer.step(1e-5, 1.0);
  }
  if (second != nullptr) *second = values_of(other);
  return values_of(w);
}

/// Four steps, a save, four more; then again from the file.
template <class T>
void check_resume(const candor::adamw& options) {
  host cpu({.threads = 2});
  candor_test::scratch_folder scratch;
  const std::size_t count = 5000;  // more than one row of the optimizer's programs
  std::vector<double> begin(count);
  for (std::size_t i = 0; i < count; ++i) begin[i] = std::sin(static_cast<double>(i));
  const auto gradient = [&](int step) {
    std::vector<double> g(count);
    for (std::size_t i = 0; i < count; ++i) g[i] = std::cos(static_cast<double>(i) * (step + 1));
    return g;
  };
  auto w = parameter_of<T>(cpu, begin);
  candor::adamw_optimizer<host> optimizer(cpu, options, 9);
  optimizer.add(w);
  std::vector<T> saved;
  for (int s = 0; s < 8; ++s) {
    if (s == 4) {
      candor::write_safetensors(scratch / "state", optimizer.sources());
      saved = w.storage().to_vector();
    }
    set_gradient(w, gradient(s));
    optimizer.step(1e-3, 1.0);
  }
  auto again = parameter_of<T>(cpu, begin);
  again.storage().copy_from(saved);
  candor::adamw_optimizer<host> resumed(cpu, options, 9);
  resumed.add(again);
  resumed.load(candor::safetensors_file(scratch / "state"));
  resumed.set_steps(4);
  for (int s = 4; s < 8; ++s) {
    set_gradient(again, gradient(s));
    resumed.step(1e-3, 1.0);
  }
  CHECK(values_of(again) == values_of(w));
}

}  // namespace

TEST_CASE("AdamW computes torch's weights", "[train][adamw]") {
  check_against_torch<double>(1e-14, 1.0);
  check_against_torch<double>(1e-14, 8.0);
  check_against_torch<float>(3e-7, 1.0);
}

TEST_CASE("a parameter without a gradient is left alone, decay included", "[train][adamw]") {
  host cpu;
  auto used = parameter_of<float>(cpu, start, "used"), idle = parameter_of<float>(cpu, start, "idle");
  candor::adamw_optimizer<host> optimizer(cpu, {.weight_decay = 0.5}, 1);
  optimizer.add(used);
  optimizer.add(idle);
  CHECK(optimizer.parameters() == 10);
  set_gradient(used, gradients[0]);
  optimizer.step(0.1, 1.0);
  CHECK(values_of(idle) == start);
  CHECK(values_of(used)[3] == Approx(1.9));  // decay alone: its gradient is zero
}

TEST_CASE("steps far below a bfloat16 step survive", "[train][adamw][bf16]") {
  const int steps = 200;
  const double moved = 1.0 - 1e-5 * steps;
  REQUIRE(static_cast<float>(bfloat16(static_cast<float>(1.0 - 1e-5))) ==
          1.0f);  // plain rounding loses each of them

  // The master copy has all of them; the weight is the nearest bfloat16.
  const auto kept = small_steps({}, steps, 10);
  for (const double v : kept)
    CHECK(v == static_cast<double>(static_cast<float>(bfloat16(static_cast<float>(moved)))));

  // Rounded at random they are right in the mean: the standard error of 8,192 elements is 3e-5.
  std::vector<double> second;
  const auto random = small_steps({.stochastic_rounding = true}, steps, 8192, &second);
  CHECK(std::abs(mean_of(random) - moved) < 1.5e-4);
  CHECK(std::abs(mean_of(second) - moved) < 1.5e-4);
  CHECK(random != second);  // every parameter draws its own numbers
  CHECK(small_steps({.stochastic_rounding = true}, steps, 8192) == random);
}

TEST_CASE("moments of bfloat16 are right in the mean", "[train][adamw][bf16]") {
  // v grows by a thousandth of g^2 a step, and then by less than half a step of bfloat16.
  const auto moments = [](const candor::adamw& options) {
    host cpu({.threads = 2});
    candor_test::scratch_folder scratch;
    auto w = parameter_of<float>(cpu, std::vector<double>(8192, 1.0));
    candor::adamw_optimizer<host> optimizer(cpu, options, 5);
    optimizer.add(w);
    for (int s = 0; s < 300; ++s) {
      set_gradient(w, std::vector<double>(8192, 0.5));
      optimizer.step(1e-5, 1.0);
    }
    candor::write_safetensors(scratch / "state", optimizer.sources());
    const candor::safetensors_file file(scratch / "state");
    std::vector<double> means;
    for (const char* name : {"exp_avg.w", "exp_avg_sq.w"}) {
      const auto* info = file.find(name);
      CHECK(info->type == (options.bf16_moments ? candor::dtype::bf16 : candor::dtype::f32));
      means.push_back(mean_of(file.read_as<double>(*info)));
    }
    means.push_back(mean_of(values_of(w)));
    return means;
  };
  const auto wide = moments({}), narrow = moments({.bf16_moments = true});
  CHECK(narrow[0] == Approx(wide[0]).epsilon(2e-3));
  CHECK(narrow[1] == Approx(wide[1]).epsilon(2e-3));
  CHECK(narrow[2] == Approx(wide[2]).margin(2e-5));  // of a way of 3e-3
}

TEST_CASE("random rounding leaves what is exact", "[train][adamw][bf16]") {
  host cpu;
  auto w = parameter_of<bfloat16>(cpu, start);
  candor::adamw_optimizer<host> optimizer(cpu, {.stochastic_rounding = true}, 1);
  optimizer.add(w);
  for (int s = 0; s < 20; ++s) {
    set_gradient(w, std::vector<double>(start.size(), 0.0));
    optimizer.step(1e-2, 1.0);
  }
  CHECK(values_of(w) == start);
}

TEST_CASE("an optimizer that was saved continues with the same bits", "[train][adamw]") {
  check_resume<float>({.weight_decay = 0.1});
  check_resume<bfloat16>({});
  check_resume<bfloat16>({.stochastic_rounding = true});
  for (const bool rounding : {false, true})
    check_resume<bfloat16>({.stochastic_rounding = rounding, .bf16_moments = true});
}

TEST_CASE("states of another model are refused by name", "[train][adamw]") {
  host cpu;
  candor_test::scratch_folder scratch;
  auto w = parameter_of<float>(cpu, start, "w"), longer = parameter_of<float>(cpu, {1, 2, 3, 4, 5, 6}, "w"),
       other = parameter_of<float>(cpu, start, "other");
  candor::adamw_optimizer<host> optimizer(cpu, {}, 1), wrong(cpu, {}, 1), missing(cpu, {}, 1);
  optimizer.add(w);
  wrong.add(longer);
  missing.add(other);
  candor::write_safetensors(scratch / "state", optimizer.sources());
  const candor::safetensors_file file(scratch / "state");
  using candor_test::contains;
  CHECK_THROWS_WITH(wrong.load(file), contains("exp_avg.w") && contains("of another shape"));
  CHECK_THROWS_WITH(missing.load(file), contains("exp_avg.other") && contains("missing"));
}
