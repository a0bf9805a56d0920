// SPDX-License-Identifier: Apache-2.0
// A second run over parameters that an exception left in the middle of a step.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/train/adamw.hpp>

#include <vector>

TEST_CASE("a gradient that an ended step left behind is not used", "[train][adamw]") {
  candor::host cpu({.threads = 1});
  const std::vector<float> start{1.0f, -0.5f};
  candor::parameter<candor::host, float> w(cpu, "w", candor::shape{2});
  w.storage().copy_from(start);
  w.gradient().copy_from(std::vector<float>{0.1f, -0.2f});
  candor::adamw_optimizer<candor::host> optimizer(cpu, {.learning_rate = 1e-2}, 1);
  optimizer.add(w);
  CHECK(optimizer.gradient_norm() == 0.0);
  optimizer.step(1e-2, 1.0);
  CHECK(w.storage().to_vector() == start);
}
