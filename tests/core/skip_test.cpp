// SPDX-License-Identifier: Apache-2.0
/// CANDOR_SKIP itself: a failure is never reported as a skipped test. The planted cases run in a child of
/// this executable; what they print goes to no output of this one, where ctest would find the mark.
#include "support/catch.hpp"
#include "support/program.hpp"

#include <stdexcept>

using candor_test::run_program;

TEST_CASE("planted: fails and then skips", "[.][planted]") {
  CHECK(1 == 2);
  CANDOR_SKIP("after a failure");
}

TEST_CASE("planted: fails in one section and skips in the next", "[.][planted]") {
  SECTION("fails") { CHECK(1 == 2); }
  SECTION("skips") { CANDOR_SKIP("after another section"); }
}

TEST_CASE("planted: skips in a helper and then throws", "[.][planted]") {
  [] { CANDOR_SKIP("before an exception"); }();
  throw std::runtime_error("planted");
}

TEST_CASE("planted: checks and then skips", "[.][planted]") {
  CHECK(1 == 1);
  CANDOR_SKIP("after a check");
}

TEST_CASE("planted: passes", "[.][planted]") { CHECK(1 == 1); }

TEST_CASE("a test that fails is not reported as skipped", "[core][skip]") {
  struct expected {
    const char* name;
    bool fails, skips;
  };
  const std::string mark = "[candor skipped] ";  // not in an assertion, whose text would be printed
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  for (const auto& [name, fails, skips] : {expected{"planted: fails and then skips", true, false},
                                           {"planted: fails in one section*", true, false},
                                           {"planted: skips in a helper*", true, false},
                                           {"planted: checks and then skips", false, true},
                                           {"planted: passes", false, false},
                                           {"planted: *", true, true}}) {
    INFO(name);
    const auto end = run_program(self, {name});
    CHECK((end.code != 0) == fails);
    CHECK((end.out.find(mark) != std::string::npos) == skips);
  }
}
