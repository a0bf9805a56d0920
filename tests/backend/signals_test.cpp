// SPDX-License-Identifier: Apache-2.0
// Signals in the middle of products: their handlers must not write into memory that is in use.
#include "support/catch.hpp"

#include <candor/backend/host/host.hpp>
#include <candor/core/random.hpp>

#include <signal.h>
#include <sys/time.h>

#include <array>
#include <vector>

using candor::host;
using candor::transpose;
using candor::view;

namespace {

volatile sig_atomic_t caught = 0;

/// SIGALRM every millisecond while it lives.
struct alarms {
  alarms() {
    struct sigaction action {};
    action.sa_handler = [](int) { caught = caught + 1; };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, &before);
    set(1000);
  }
  ~alarms() {
    set(0);
    ::sigaction(SIGALRM, &before, nullptr);
  }
  static void set(int microseconds) {
    const itimerval every{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  struct sigaction before {};
};

std::vector<float> numbers(std::int64_t count, std::uint64_t seed) {
  candor::random_stream random(seed, 3);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (auto& v : out) v = random.normal();
  return out;
}

}  // namespace

TEST_CASE("Signals during products change nothing", "[backend][matmul][signals]") {
  host cpu({.threads = 2});
  // Shapes of a head, a gated layer and their gradients.
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{97, 183, 96}, {211, 512, 96}, {96, 256, 333}})
    for (const transpose ta : {transpose::no, transpose::yes})
      for (const transpose tb : {transpose::no, transpose::yes}) {
        const auto a = numbers(m * k, 1), b = numbers(n * k, 2);
        const view<host, const float> va{a.data(), ta == transpose::yes ? k : m, ta == transpose::yes ? m : k,
                                         ta == transpose::yes ? m : k};
        const view<host, const float> vb{b.data(), tb == transpose::yes ? n : k, tb == transpose::yes ? k : n,
                                         tb == transpose::yes ? k : n};
        const auto product = [&] {
          std::vector<float> c(static_cast<std::size_t>(m * n));
          cpu.matmul<float, float>(ta, va, tb, vb, view<host, float>{c.data(), m, n, n}, false);
          return c;
        };
        const auto expected = product();
        const alarms ringing;
        bool same = true;
        for (int i = 0; i < 300; ++i) same = same && product() == expected;
        CHECK(same);
      }
  CHECK(caught > 100);
}
