// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/train/signals.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <pthread.h>
#include <signal.h>

#include <string_view>
#include <thread>

using namespace candor;

TEST_CASE("a stop signal sets a flag and the loop leaves in its own time", "[train][signals]") {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    INFO(signal_name(number));
    const auto end = candor_test::in_child([number] {
      const stop_signals caught;
      if (stop_requested()) ::_exit(1);
      ::raise(number);
      if (!stop_requested() || stop_signal() != number) ::_exit(2);
      throw_if_stopped("the training was");
      ::_exit(3);
    });
    CHECK(end.signal == 0);
    CHECK(end.code == 75);
  }
}

TEST_CASE("a second stop signal ends the process with 128 and its number", "[train][signals]") {
  const auto end = candor_test::in_child([] {
    const stop_signals caught;
    ::raise(SIGTERM);
    ::raise(SIGINT);
  });
  CHECK(end.code == 128 + SIGINT);
}

TEST_CASE("handlers are as before when the object is gone", "[train][signals]") {
  {
    const stop_signals caught;
    CHECK_THROWS_AS(stop_signals(), usage_error);
    ::raise(SIGINT);
    CHECK(stop_requested());
  }
  CHECK_FALSE(stop_requested());
  CHECK_NOTHROW(throw_if_stopped("nothing was"));
  {
    const stop_signals again;
    CHECK_FALSE(stop_requested());
  }
  CHECK(candor_test::in_child([] {
          ::signal(SIGTERM, SIG_DFL);
          { const stop_signals caught; }
          ::raise(SIGTERM);
        }).signal == SIGTERM);
}

TEST_CASE("threads that start under the block do not take the signals", "[train][signals]") {
  const auto blocked_here = [] {
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    return sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 1 &&
           sigismember(&now, SIGUSR1) == 1;
  };
  bool in_worker = false, in_worker_outside = true;
  {
    const blocked_stop_signals block;
    CHECK(blocked_here());
    std::thread([&] { in_worker = blocked_here(); }).join();
    { const blocked_stop_signals inner; }
    CHECK(blocked_here());
  }
  std::thread([&] { in_worker_outside = blocked_here(); }).join();
  CHECK(in_worker);
  CHECK_FALSE(in_worker_outside);
  CHECK_FALSE(blocked_here());
}

TEST_CASE("signals have names", "[train][signals]") {
  CHECK(std::string_view(signal_name(SIGTERM)) == "SIGTERM");
  CHECK(std::string_view(signal_name(SIGINT)) == "SIGINT");
  CHECK(std::string_view(signal_name(SIGUSR1)) == "SIGUSR1");
  CHECK(std::string_view(signal_name(0)) == "a signal");
}
