// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/train/table.hpp>

#include "support/catch.hpp"

#include <limits>

using namespace candor;

TEST_CASE("a table aligns its columns", "[train][table]") {
  table t({"metric", "before", "after"});
  t.add({"hallucinated mentions", percent(0.248), percent(0.041)});
  t.add({"recall", percent(0.78), percent(0.9149)});
  t.add({"caf\xc3\xa9", "", fixed(1.0, 2)});
  CHECK(t.str() ==
        "metric                 before   after\n"
        "-------------------------------------\n"
        "hallucinated mentions  24.8 %   4.1 %\n"
        "recall                 78.0 %  91.5 %\n"
        "caf\xc3\xa9                             1.00\n");
  CHECK(text(t) == t.str());
  CHECK_THROWS_AS(t.add({"two", "cells"}), usage_error);
  CHECK_THROWS_AS(table({}), usage_error);
}

TEST_CASE("numbers and times are printed with fixed digits", "[train][table]") {
  CHECK(fixed(0.5, 3) == "0.500");
  CHECK(fixed(-2.0 / 3.0, 2) == "-0.67");
  CHECK(fixed(1e300, 0).size() == 301);
  CHECK(fixed(std::numeric_limits<double>::quiet_NaN(), 1) == "nan");
  CHECK(fixed(-std::numeric_limits<double>::infinity(), 1) == "-inf");
  CHECK(percent(0.12345, 2) == "12.35 %");
  CHECK(clock_text(0) == "00:00");
  CHECK(clock_text(425.9) == "07:05");
  CHECK(clock_text(11225) == "3:07:05");
  CHECK(clock_text(-1) == "?");
  CHECK(clock_text(std::numeric_limits<double>::infinity()) == "?");
  CHECK(clock_text(std::numeric_limits<double>::quiet_NaN()) == "?");
}
