// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of signals.hpp, over sigaction.

#include <candor/core/error.hpp>
#include <candor/train/signals.hpp>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::array stop_signal_numbers{SIGTERM, SIGINT, SIGUSR1};

/// What the handler and its installer share; the only state of the process that candor keeps.
struct stop_signal_state {
  std::atomic<int> received{0};
  std::atomic<bool> installed{false};
  std::array<struct sigaction, stop_signal_numbers.size()> before{};
};
inline stop_signal_state stop_signals_here;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only use lock-free atomics");

}  // namespace detail

CANDOR_INLINE stop_signals::stop_signals() {
  auto& here = detail::stop_signals_here;
  require<usage_error>(!here.installed.exchange(true),
                       "stop_signals: another object already catches the signals");
  here.received = 0;
  struct sigaction action {};
  action.sa_handler = [](int number) {
    int none = 0;
    if (!detail::stop_signals_here.received.compare_exchange_strong(none, number)) ::_exit(128 + number);
  };
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // third-party reads and writes are not cut short
  for (std::size_t i = 0; i < detail::stop_signal_numbers.size(); ++i)
    ::sigaction(detail::stop_signal_numbers[i], &action, &here.before[i]);
}

CANDOR_INLINE stop_signals::~stop_signals() {
  auto& here = detail::stop_signals_here;
  for (std::size_t i = 0; i < detail::stop_signal_numbers.size(); ++i)
    ::sigaction(detail::stop_signal_numbers[i], &here.before[i], nullptr);
  here.received = 0;
  here.installed = false;
}

CANDOR_INLINE int stop_signal() noexcept {
  return detail::stop_signals_here.received.load(std::memory_order_relaxed);
}

CANDOR_INLINE const char* signal_name(int number) noexcept {
  switch (number) {
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGUSR1: return "SIGUSR1";
    default: return "a signal";
  }
}

CANDOR_INLINE void throw_if_stopped(const char* what) {
  if (const int number = stop_signal(); number != 0)
    fail<interrupted>(what, " stopped by ", signal_name(number));
}

CANDOR_INLINE blocked_stop_signals::blocked_stop_signals() {
  sigset_t wanted, before;
  sigemptyset(&wanted);
  for (const int number : detail::stop_signal_numbers) sigaddset(&wanted, number);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  for (std::size_t i = 0; i < detail::stop_signal_numbers.size(); ++i)
    blocked_before_[i] = sigismember(&before, detail::stop_signal_numbers[i]) == 1;
}

CANDOR_INLINE blocked_stop_signals::~blocked_stop_signals() {
  sigset_t unblock;
  sigemptyset(&unblock);
  for (std::size_t i = 0; i < detail::stop_signal_numbers.size(); ++i)
    if (!blocked_before_[i]) sigaddset(&unblock, detail::stop_signal_numbers[i]);
  ::pthread_sigmask(SIG_UNBLOCK, &unblock, nullptr);
}

}  // namespace CANDOR_NS
