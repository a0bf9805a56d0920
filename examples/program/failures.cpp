// SPDX-License-Identifier: Apache-2.0
#include "program/failures.hpp"

#include <candor/core/error.hpp>

#include <CLI/Error.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

namespace program {
namespace {

int report(const std::string& name, const std::string& message, int code) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), message.c_str());
  return code;
}

}  // namespace

int report_failure(const std::string& name, const std::string& memory_advice) {
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

void end_where_memory_ends() {
  // libstdc++ walks folders in functions that must not throw; what they throw is not current any more when
  // they end the program, so that the reason has to be noted where it arises.
  static std::atomic<bool> memory_ended = false;
  std::set_new_handler([] {
    memory_ended = true;
    throw std::bad_alloc();
  });
  std::set_terminate([] {
    try {
      if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
      if (memory_ended && std::uncaught_exceptions() > 0) throw std::bad_alloc();
    } catch (const std::bad_alloc&) {
      std::fputs("out of memory\n", stderr);
      ::_exit(6);
    } catch (const candor::error& e) {
      std::fprintf(stderr, "%s\n", e.what());
      if (e.exit_code() == 6) ::_exit(6);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
    } catch (...) {}
    std::abort();
  });
}

}  // namespace program
