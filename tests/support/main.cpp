// SPDX-License-Identifier: Apache-2.0
// Catch2's main function (with version 3 it comes from its own library), and what CANDOR_SKIP leaves to the
// end of a case.
#if __has_include(<catch2/catch.hpp>) && !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_MAIN
#endif
#include "support/catch.hpp"

#include <cstdio>
#include <vector>

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using listener = Catch::EventListenerBase;
#else
using listener = Catch::TestEventListenerBase;
#endif

std::vector<std::string> reasons;  // of the test case that runs

struct skip_listener : listener {
  using listener::listener;
  void testCaseStarting(const Catch::TestCaseInfo&) override { reasons.clear(); }
  void testCaseEnded(const Catch::TestCaseStats& end) override {
    if (end.totals.assertions.failed != 0 || end.totals.testCases.failed != 0) return;
    for (const auto& reason : reasons) std::printf("[candor skipped] %s\n", reason.c_str());
    std::fflush(stdout);
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(skip_listener)

void candor_test::skip(const std::string& reason) { reasons.push_back(reason); }
