// SPDX-License-Identifier: Apache-2.0
#include "objective/support.hpp"

#include <candor/objective/povid.hpp>

#include <cmath>

using namespace candor_test;
using candor::povid;

namespace {

/// Log-ratios w = 3, l = -2, n = -1.
const item three_cells{{-30, -42, -45}, {-33, -40, -44}, {20, 25, 20}, {20, 25, 20}};

double loss_at(double z) { return std::log1p(std::exp(-z)); }
double pull_at(double z) { return 1 / (1 + std::exp(z)); }  // -d loss / dz

}  // namespace

TEST_CASE("POVID's losses are those of its paper and of its code", "[objective][povid]") {
  const auto released = run(povid{.beta = 0.1}, three_cells);
  CHECK(released.loss == Approx(0.5 * loss_at(0.5) + 0.5 * loss_at(0.4)).epsilon(1e-12));
  CHECK(released.d_sums[0] == Approx(-0.05 * (pull_at(0.5) + pull_at(0.4))).epsilon(1e-12));
  CHECK(released.d_sums[1] == Approx(0.05 * pull_at(0.5)).epsilon(1e-12));
  CHECK(released.d_sums[2] == Approx(0.05 * pull_at(0.4)).epsilon(1e-12));
  CHECK(released.reward_chosen == Approx(0.3).epsilon(1e-12));

  const povid paper{.loss = povid::form::single, .beta = 0.1, .text_beta = 0.06, .noise_beta = 0.02};
  const auto published = run(paper, three_cells);
  const double z = 0.1 * 3 + 0.06 * 2 + 0.02 * 1;
  CHECK(published.loss == Approx(loss_at(z)).epsilon(1e-12));
  CHECK(published.d_sums[0] == Approx(-0.1 * pull_at(z)).epsilon(1e-12));
  CHECK(published.d_sums[1] == Approx(0.06 * pull_at(z)).epsilon(1e-12));
  CHECK(published.d_sums[2] == Approx(0.02 * pull_at(z)).epsilon(1e-12));

  const auto text = run(povid{.loss = povid::form::text_only}, three_cells);
  CHECK(text.loss == Approx(loss_at(0.5)).epsilon(1e-12));
  CHECK(text.d_sums[2] == 0.0);
  CHECK(run(povid{.noise_share = 0}, three_cells).loss == Approx(text.loss).epsilon(1e-12));
}

TEST_CASE("POVID's gradients are those of its losses", "[objective][povid]") {
  for (const auto form : {povid::form::text_only, povid::form::average, povid::form::single})
    check_gradient(povid{.loss = form, .beta = 0.3, .noise_share = 0.3}, three_cells);
}

TEST_CASE("POVID's switches decide where the noise's tokens come from and are scored", "[objective][povid]") {
  const auto noise = [](const povid& p) { return candor::places_of(p)[2]; };
  const auto released = noise({});
  CHECK(released.branch == 0);
  CHECK(released.image.empty());
  CHECK(released.tokens == candor::token_source::argmax);
  CHECK(released.tokens_image == povid::noisy_image);
  CHECK(released.reference_picks);
  CHECK(noise({.score_noisy = true}).image == povid::noisy_image);
  CHECK(noise({.exclude_equal = true}).tokens == candor::token_source::second_best);
  CHECK_FALSE(noise({.reference_picks = false}).reference_picks);
  CHECK_FALSE(noise({.loss = povid::form::text_only}).used());
}
