// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Cooperative stopping: SIGTERM, SIGINT and SIGUSR1 (as batch systems send before they preempt) only set a
/// flag, which the trainer polls, so that it can save and leave with exit code 75. A second signal ends the
/// process at once.

#include <candor/core/config.hpp>

namespace CANDOR_NS {

/// While it lives, the stop signals are caught; afterwards the handlers are as they were. A handler can only
/// reach a global, so the flag is one of the process: there may be one object at a time, usage_error for a
/// second one.
class stop_signals {
 public:
  stop_signals();
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
};

/// The number of the signal that came since the stop_signals object was made, 0 for none. Cheap: a relaxed
/// load.
int stop_signal() noexcept;
/// True where a signal has asked to stop.
inline bool stop_requested() noexcept { return stop_signal() != 0; }
/// "SIGTERM" for its number.
const char* signal_name(int number) noexcept;

/// Throws `interrupted` (exit code 75) where a stop was requested; for long loops that have nothing to save.
void throw_if_stopped(const char* what);

/// While it lives, the stop signals are blocked in this thread and in the threads that it starts: make worker
/// threads under it, so that signals interrupt the main thread's calls only.
class blocked_stop_signals {
 public:
  blocked_stop_signals();
  ~blocked_stop_signals();
  blocked_stop_signals(const blocked_stop_signals&) = delete;
  blocked_stop_signals& operator=(const blocked_stop_signals&) = delete;

 private:
  bool blocked_before_[3] = {};
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/train/signals_impl.hpp>
#endif
