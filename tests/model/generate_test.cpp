// SPDX-License-Identifier: Apache-2.0
// The choice of the next token: what is likely is drawn as often as the softmax says, and nothing else.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/model/generate.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace {

/// The token that each row of logits gets, with seed `first_seed` + row.
std::vector<std::int32_t> choose(candor::host& cpu, std::int64_t rows, std::span<const float> logits,
                                 std::uint64_t first_seed, std::uint32_t step, float inverse_temperature) {
  const auto width = static_cast<std::int64_t>(logits.size());
  std::vector<float> all;
  std::vector<std::uint64_t> seeds;
  for (std::int64_t r = 0; r < rows; ++r) {
    all.insert(all.end(), logits.begin(), logits.end());
    seeds.push_back(first_seed + static_cast<std::uint64_t>(r));
  }
  const auto z = candor::tensor<candor::host, float>::from(cpu, candor::shape{rows, width}, all);
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(rows)),
      places(static_cast<std::size_t>(rows), static_cast<std::int32_t>(step));
  cpu.rows(rows, width,
           candor::choose_token_program<candor::host, float>{z.view(),
                                                             seeds.data(),
                                                             places.data(),
                                                             chosen.data(),
                                                             {.inverse_temperature = inverse_temperature},
                                                             {}});
  return chosen;
}

}  // namespace

TEST_CASE("tokens are drawn as often as the softmax says", "[model][generate]") {
  candor::host cpu({.threads = 1});
  const std::array<float, 5> logits = {1.0f, 0.0f, -2.0f, -5.0f, 2.0f};
  constexpr std::int64_t draws = 200000;
  for (const double temperature : {1.0, 0.5}) {
    std::array<double, 5> expected{}, found{};
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i)
      sum += expected[i] = std::exp(static_cast<double>(logits[i]) / temperature);
    for (const auto token : choose(cpu, draws, logits, 1000, 3, static_cast<float>(1.0 / temperature)))
      ++found[static_cast<std::size_t>(token)];
    for (std::size_t i = 0; i < 5; ++i) {
      const double p = expected[i] / sum, deviation = std::sqrt(draws * p * (1 - p));
      INFO("temperature " << temperature << ", token " << i << ": " << found[i] << " of " << draws);
      CHECK(std::abs(found[i] - draws * p) < 5 * deviation + 1);
    }
  }
}

TEST_CASE("no random word makes an impossible token likely", "[model][generate]") {
  candor::host cpu({.threads = 1});
  std::vector<float> logits(32000, 0.0f);
  logits[0] = 100.0f;  // the others together: 1e-39
  // Seed 7 has a word of 24 leading ones for these steps and tokens: 24933, 31718, 26829.
  for (const std::uint32_t step : {876u, 1231u, 1412u})
    CHECK(choose(cpu, 1, logits, 7, step, 1.0f) == std::vector<std::int32_t>{0});
}

TEST_CASE("logits that are no numbers name no token", "[model][generate]") {
  candor::host cpu({.threads = 1});
  const std::vector<float> logits(40, std::numeric_limits<float>::quiet_NaN());
  CHECK(choose(cpu, 1, logits, 1, 0, 0.0f) == std::vector<std::int32_t>{-1});
  CHECK(choose(cpu, 1, logits, 1, 0, 1.0f) == std::vector<std::int32_t>{-1});
}
