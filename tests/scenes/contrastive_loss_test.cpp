// SPDX-License-Identifier: Apache-2.0
// The contrastive loss against its formula, and its gradient against differences.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include "scenes/contrastive_loss.hpp"

#include <cmath>
#include <vector>

using candor::host;

namespace {

/// Loss of 3 images and 5 texts of width 4, and with `gradients` what flows back to both.
double loss_of(host& cpu, const std::vector<float>& images, const std::vector<float>& texts,
               std::vector<float>* d_images = nullptr, std::vector<float>* d_texts = nullptr) {
  candor::tape<host> tape(cpu);
  const candor::variable<host, float> x(cpu, {3, 4}, true), y(cpu, {5, 4}, true);
  std::copy(images.begin(), images.end(), x.value().data);
  std::copy(texts.begin(), texts.end(), y.value().data);
  const double loss = scenes::contrastive_loss(tape, x, y, 3.0);
  if (d_images != nullptr) {
    tape.backward();
    d_images->assign(x.gradient().data, x.gradient().data + 12);
    d_texts->assign(y.gradient().data, y.gradient().data + 20);
  }
  return loss;
}

std::vector<float> numbers(std::size_t count, std::uint64_t seed) {
  candor::random_stream random(seed, 0);
  std::vector<float> out(count);
  for (float& x : out) x = random.normal();
  return out;
}

}  // namespace

TEST_CASE("equal rows cost what guessing costs", "[scenes][clip]") {
  host cpu({.threads = 1});
  CHECK(loss_of(cpu, std::vector<float>(12, 2.0f), std::vector<float>(20, 0.5f)) ==
        Approx((std::log(5.0) + std::log(3.0)) / 2));
}

TEST_CASE("the gradient of the contrastive loss is its slope", "[scenes][clip]") {
  host cpu({.threads = 1});
  auto images = numbers(12, 1), texts = numbers(20, 2);
  std::vector<float> d_images, d_texts;
  loss_of(cpu, images, texts, &d_images, &d_texts);
  const auto slope = [&](float& x) {
    const float before = x, step = 1e-3f;
    x = before + step;
    const double above = loss_of(cpu, images, texts);
    x = before - step;
    const double below = loss_of(cpu, images, texts);
    x = before;
    return (above - below) / (2 * static_cast<double>(step));
  };
  for (std::size_t i = 0; i < images.size(); ++i) CHECK(slope(images[i]) == Approx(d_images[i]).margin(2e-4));
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(slope(texts[i]) == Approx(d_texts[i]).margin(2e-4));
}
