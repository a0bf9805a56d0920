// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What the tools have in common: options are read, then the work is run.

#include <candor/train/signals.hpp>

#include "program/completion.hpp"
#include "program/failures.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace tools {

/// Ends the help of each program.
inline constexpr const char* exit_codes =
    "Exit codes: 0 done, 2 bad option, 3 bad input (a file's content), 4 numbers that are not finite,\n"
    "5 the system refused to read or write, 6 out of memory, 7 the device failed, 75 stopped by SIGINT or SIGTERM.\n"
    "No code but 0 leaves an output file or folder behind, nor changes one that was there.";

inline constexpr const char* vision_tower_help =
    "CLIP folder, for a model in original LLaVA's layout that names its tower only";

/// Runs the work and turns what it throws into an exit code. SIGINT and SIGTERM are noted and to be polled by
/// the work (candor::throw_if_stopped); a second one ends the process at once.
template <class Work>
int guarded(const std::string& name, Work work) {
  program::end_where_memory_ends();
  try {
    const candor::stop_signals signals;
    work();
    return 0;
  } catch (...) {
    return program::report_failure(name, "lower --max-tokens, or take --dtype bf16");
  }
}

/// Reads the options and runs the work. `example` is a command line for the help.
template <class Work>
int run(CLI::App& app, const std::string& example, int argc, char** argv, Work work) {
  app.footer("Example:\n  " + example + "\n\n" + exit_codes);
  program::add_completion(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // prints the help
  } catch (const CLI::ParseError&) {
    return program::report_failure(app.get_name(), "");
  }
  return guarded(app.get_name(), work);
}

}  // namespace tools
