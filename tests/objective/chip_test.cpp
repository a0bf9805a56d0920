// SPDX-License-Identifier: Apache-2.0
// CHiP: its golden value, what its gradient is made of, and how it relates to mDPO and DPO.
#include "objective/support.hpp"

#include <candor/objective/chip.hpp>
#include <candor/objective/dpo.hpp>
#include <candor/objective/image_preference.hpp>
#include <candor/objective/sft.hpp>

using candor_test::run;

namespace {

/// a = 3, c = -2, a' = -45 - (-44) = -1, KL_w = 2, KL_l = 3: z = 0.1 (5 + 4 - 0.1 (3 - 2)) = 0.89
const candor_test::item golden{{-30, -42, -45}, {-33, -40, -44}, {20, 25, 20}, {20, 25, 20}, {2, 3, 7}};

double l(double z) { return std::log1p(std::exp(-z)); }

}  // namespace

TEST_CASE("chip has its golden value, fused and summed", "[objective][chip]") {
  CHECK(std::abs(run(candor::chip{}, golden).loss - 0.344055) < 1e-6);
  CHECK(run(candor::chip{}, golden).loss == Approx(l(0.89)).epsilon(1e-14));
  CHECK(run(candor::chip{.fused = false}, golden).loss == Approx(l(0.5) + l(0.4) + 0.01).epsilon(1e-14));
}

TEST_CASE("chip's gradient goes through one sigmoid, and stops at the chosen answer's divergence",
          "[objective][chip]") {
  const auto r = run(candor::chip{}, golden);
  const double u = 1 / (1 + std::exp(0.89));  // sigmoid(-z)
  CHECK(r.d_sums[0] == Approx(-0.1 * 2 * u));
  CHECK(r.d_sums[1] == Approx(0.1 * u));
  CHECK(r.d_sums[2] == Approx(0.1 * u));
  CHECK(r.d_kls[0] == 0.0);
  CHECK(r.d_kls[1] == Approx(0.1 * 0.1 * u));
  CHECK(r.d_kls[2] == 0.0);
  CHECK(run(candor::chip{.fused = false}, golden).d_kls[1] == Approx(0.1 * 0.1));
  candor_test::check_gradient(candor::chip{}, golden);
  candor_test::check_gradient(candor::with_sft{candor::chip{.fused = false}, {.weight = 0.5}}, golden);
}

TEST_CASE("chip chosen at run time is chip", "[objective][chip]") {
  const candor::image_preference chosen{.type = candor::image_loss::chip, .chip = {.alpha = 0.3, .gamma = 2}};
  const auto own = run(chosen.chip, golden), r = run(chosen, golden);
  CHECK(r.loss == Approx(own.loss).epsilon(1e-14));
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(r.d_sums[c] == Approx(own.d_sums[c]).epsilon(1e-14));
    CHECK(r.d_kls[c] == Approx(own.d_kls[c]).epsilon(1e-14).margin(1e-300));
  }
  CHECK(candor::reads_kl(chosen));
  CHECK(candor::reads_kl(chosen, 1));
  CHECK_FALSE(candor::reads_kl(chosen, 2));
  CHECK_FALSE(candor::reads_kl(candor::image_preference{}));
  CHECK(candor::token_weights_of(chosen).gamma == 2);
  CHECK(candor::token_weights_of(candor::image_preference{}).gamma == 1);
}

TEST_CASE("an objective says what it reads, and terms beside it hand that on", "[objective][chip]") {
  STATIC_REQUIRE(candor::has_kl<candor::chip>);
  STATIC_REQUIRE(candor::has_kl<candor::with_sft<candor::chip>>);
  STATIC_REQUIRE_FALSE(candor::has_kl<candor::dpo>);
  STATIC_REQUIRE_FALSE(candor::has_kl<candor::with_sft<candor::dpo>>);
  CHECK(candor::reads_kl(candor::with_sft<candor::chip>{}));
  CHECK_FALSE(candor::reads_kl(candor::with_sft<candor::chip>{}, 2));
  CHECK_FALSE(candor::reads_kl(candor::chip{.alpha = 0}));
  CHECK_FALSE(candor::reads_kl(candor::dpo{}));
  CHECK(candor::derivatives_in<candor::chip> == 6);
  CHECK(candor::derivatives_in<candor::dpo> == 2);
  CHECK(candor::token_weights_of(candor::chip{.gamma = 2}).gamma == 2);
}
