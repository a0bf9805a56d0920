// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the programs have in common: options are read, the work is run, and every failure becomes one message
/// on stderr and an exit code that scripts can rely on.

#include <candor/core/error.hpp>
#include <candor/train/signals.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace tools {

/// Ends the help of each program.
inline constexpr const char* exit_codes =
    "Exit codes: 0 done, 2 bad option, 3 bad input (a file's content), 4 numbers that are not finite,\n"
    "5 the system refused to read or write, 6 out of memory, 75 stopped by SIGINT or SIGTERM.\n"
    "No code but 0 leaves an output file or folder behind, nor changes one that was there.";

/// Prints "name: message" and passes the code on.
inline int report(const std::string& name, const char* message, int code) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), message);
  return code;
}

/// Runs the work and turns what it throws into an exit code. SIGINT and SIGTERM are noted and to be polled by
/// the work (candor::throw_if_stopped); a second one ends the process at once.
template <class Work>
int guarded(const std::string& name, Work work) {
  try {
    const candor::stop_signals signals;
    work();
    return 0;
  } catch (const candor::error& e) {
    return report(name, e.what(), e.exit_code());
  } catch (const std::bad_alloc&) {
    return report(name, "out of memory; lower --max-tokens, or take --dtype bf16", 6);
  } catch (const std::system_error& e) {
    return report(name, e.what(), 5);
  } catch (const std::exception& e) {
    return report(name, e.what(), 1);
  }
}

/// Reads the options and runs the work. `example` is a command line for the help.
template <class Work>
int run(CLI::App& app, const std::string& example, int argc, char** argv, Work work) {
  app.footer("Example:\n  " + example + "\n\n" + exit_codes);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // prints the help
  } catch (const CLI::ParseError& e) {
    return report(app.get_name(),
                  (std::string(e.what()) + "\n" + app.get_name() + " --help shows the options").c_str(), 2);
  }
  return guarded(app.get_name(), work);
}

}  // namespace tools
