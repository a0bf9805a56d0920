// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/train/guard.hpp>

#include "support/catch.hpp"

#include <limits>
#include <string>

using namespace candor;

namespace {
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("the guard skips non-finite losses and gradient norms", "[train][guard]") {
  numeric_guard guard;
  CHECK(guard.accepts(0, 0.69, 1.0));
  CHECK_FALSE(guard.accepts(1, not_a_number, 1.0));
  CHECK_FALSE(guard.accepts(2, 0.69, infinity));
  CHECK_FALSE(guard.accepts(3, -infinity, not_a_number));
  CHECK(guard.consecutive() == 3);
  CHECK(guard.accepts(4, 0.5, 0.0));
  CHECK(guard.consecutive() == 0);
  CHECK(guard.skipped() == 3);
}

TEST_CASE("the guard ends the run at the fifth skip in a row", "[train][guard]") {
  numeric_guard guard;
  for (int step = 0; step < 4; ++step) CHECK_FALSE(guard.accepts(step, not_a_number, 1.0));
  CHECK(guard.accepts(4, 0.0, 0.0));
  for (int step = 5; step < 9; ++step) CHECK_FALSE(guard.accepts(step, 1.0, not_a_number));
  std::string message;
  try {
    guard.accepts(9, 1.5, infinity);
  } catch (const numeric_error& e) {
    message = e.what();
    CHECK(e.exit_code() == 4);
  }
  CHECK(message.find("step 9: loss 1.5, gradient norm inf: not finite for 5 steps in a row") == 0);
  CHECK(guard.skipped() == 9);
}

TEST_CASE("a restored guard goes on counting", "[train][guard]") {
  numeric_guard before(3);
  CHECK_FALSE(before.accepts(0, not_a_number, 1.0));
  CHECK_FALSE(before.accepts(1, not_a_number, 1.0));
  numeric_guard after(3, before.state());
  CHECK_THROWS_AS(after.accepts(2, not_a_number, 1.0), numeric_error);
  CHECK_THROWS_AS(numeric_guard(1).accepts(0, not_a_number, 0.0), numeric_error);
  CHECK_THROWS_AS(numeric_guard(0), usage_error);
}
