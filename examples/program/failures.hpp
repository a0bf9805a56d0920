// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Every failure of a program becomes one message on stderr and an exit code that scripts can rely on:
///   2 bad option, 3 bad input, 4 numbers, 5 the system refused, 6 memory, 75 stopped by a signal, 1 anything else

#include <candor/core/error.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace program {

/// Prints "name: message" and passes the code on.
inline int report(const std::string& name, const std::string& message, int code) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), message.c_str());
  return code;
}

/// To be called in a catch block: reports what was thrown. `memory_advice` says what to do when memory ran out.
inline int report_failure(const std::string& name, const std::string& memory_advice) {
  try {
    throw;
  } catch (const CLI::ParseError& e) {
    return report(name, candor::text(e.what(), "\n", name, " --help shows the options"), 2);
  } catch (const candor::error& e) {
    return report(name, e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return report(name, "out of memory; " + memory_advice, 6);
  } catch (const std::system_error& e) {
    return report(name, e.what(), 5);
  } catch (const std::exception& e) {
    return report(name, e.what(), 1);
  }
}

/// From now on a program whose memory ends where nothing can be thrown (in a destructor, in a thread) says so and
/// ends with code 6 too. It cleans up nothing; files that are written beside stay beside.
inline void end_where_memory_ends() {
  std::set_terminate([] {
    try {
      if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      std::fputs("out of memory\n", stderr);
      ::_exit(6);
    } catch (const candor::error& e) {
      std::fprintf(stderr, "%s\n", e.what());
      if (e.exit_code() == 6) ::_exit(6);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
    } catch (...) {
    }
    std::abort();
  });
}

}  // namespace program
