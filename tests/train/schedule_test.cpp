// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/train/schedule.hpp>

#include "support/catch.hpp"

#include <array>

using namespace candor;

namespace {

// transformers 5.23.0, 10 steps of which 3 warm up, peak rate 2e-4, steps 0 to 10:
// get_cosine_schedule_with_warmup, get_cosine_with_min_lr_schedule_with_warmup (min_lr_rate 0.1),
// get_linear_schedule_with_warmup, get_constant_schedule_with_warmup.
constexpr std::array cosine_rates{0.0,
                                  6.666666666666667e-05,
                                  0.00013333333333333334,
                                  0.0002,
                                  0.0001900968867902419,
                                  0.00016234898018587337,
                                  0.00012225209339563145,
                                  7.774790660436858e-05,
                                  3.7651019814126654e-05,
                                  9.903113209758096e-06,
                                  0.0};
constexpr std::array cosine_floor_rates{0.0,
                                        6.666666666666667e-05,
                                        0.00013333333333333334,
                                        0.0002,
                                        0.00019108719811121772,
                                        0.00016611408216728603,
                                        0.00013002688405606828,
                                        8.997311594393172e-05,
                                        5.3885917832713996e-05,
                                        2.891280188878229e-05,
                                        2e-05};
constexpr std::array linear_rates{0.0,
                                  6.666666666666667e-05,
                                  0.00013333333333333334,
                                  0.0002,
                                  0.00017142857142857143,
                                  0.00014285714285714287,
                                  0.00011428571428571428,
                                  8.571428571428571e-05,
                                  5.714285714285714e-05,
                                  2.857142857142857e-05,
                                  0.0};
constexpr std::array constant{0.0,
                              6.666666666666667e-05,
                              0.00013333333333333334,
                              0.0002,
                              0.0002,
                              0.0002,
                              0.0002,
                              0.0002,
                              0.0002,
                              0.0002,
                              0.0002};

void check(const schedule_options& options, const std::array<double, 11>& expected) {
  const schedule s(options, 10);
  for (std::size_t step = 0; step < expected.size(); ++step) {
    INFO("step " << step);
    CHECK(2e-4 * s.factor(static_cast<std::int64_t>(step)) ==
          Approx(expected[step]).epsilon(1e-13).margin(1e-19));
  }
}

}  // namespace

TEST_CASE("schedules give transformers' learning rates", "[train][schedule]") {
  check({.kind = schedule_kind::cosine, .warmup_steps = 3}, cosine_rates);
  check({.kind = schedule_kind::cosine, .floor = 0.1, .warmup_steps = 3}, cosine_floor_rates);
  check({.kind = schedule_kind::linear, .warmup_steps = 3}, linear_rates);
  check({.kind = schedule_kind::constant, .warmup_steps = 3}, constant);
}

TEST_CASE("a warm-up ratio is rounded up to a step", "[train][schedule]") {
  CHECK(schedule({.warmup_ratio = 0.05}, 2672).warmup_steps() == 134);
  CHECK(schedule({.warmup_ratio = 0.3}, 10).warmup_steps() == 3);
  CHECK(schedule({.warmup_ratio = 1e-6}, 10).warmup_steps() == 1);
  check({.kind = schedule_kind::cosine, .warmup_ratio = 0.25}, cosine_rates);
  CHECK(schedule({.kind = schedule_kind::cosine}, 10).factor(0) == 1.0);
  CHECK(schedule({.kind = schedule_kind::cosine}, 10).factor(5) == Approx(0.5));
}

TEST_CASE("after the last planned step the final rate stays", "[train][schedule]") {
  const schedule falling({.kind = schedule_kind::cosine, .floor = 0.1, .warmup_steps = 3}, 10);
  CHECK(falling.factor(11) == Approx(0.1));
  CHECK(falling.factor(1000000) == Approx(0.1));
  CHECK(schedule({.kind = schedule_kind::linear}, 10).factor(12) == 0.0);
  // A warm-up as long as the run, and runs of no steps, divide by nothing.
  CHECK(schedule({.kind = schedule_kind::cosine, .warmup_steps = 10}, 10).factor(9) == Approx(0.9));
  CHECK(schedule({.kind = schedule_kind::cosine, .warmup_steps = 10}, 10).factor(10) == 1.0);
  CHECK(schedule({.kind = schedule_kind::linear}, 0).factor(0) == 1.0);
}

TEST_CASE("options that make no schedule are refused", "[train][schedule]") {
  CHECK(schedule_kind_of("cosine") == schedule_kind::cosine);
  CHECK(schedule_kind_of("linear") == schedule_kind::linear);
  CHECK(schedule_kind_of("constant") == schedule_kind::constant);
  CHECK_THROWS_AS(schedule_kind_of("Cosine"), usage_error);
  CHECK_THROWS_AS(schedule({}, -1), usage_error);
  CHECK_THROWS_AS(schedule({.floor = 1.5}, 10), usage_error);
  CHECK_THROWS_AS(schedule({.warmup_ratio = -0.1}, 10), usage_error);
  CHECK_THROWS_AS(schedule({.warmup_ratio = 1.1}, 10), usage_error);
  CHECK_THROWS_AS(schedule({.warmup_steps = -1}, 10), usage_error);
  CHECK_THROWS_AS(schedule({.warmup_ratio = 0.1, .warmup_steps = 1}, 10), usage_error);
}
