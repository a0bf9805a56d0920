// SPDX-License-Identifier: Apache-2.0
#include "program/tool.hpp"

#include <candor/train/signals.hpp>

#include "program/completion.hpp"
#include "program/failures.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace program {
namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 done, 2 bad option, 3 bad input (a file's content), 4 numbers that are not finite,\n"
    "5 the system refused to read or write, 6 out of memory, 7 the device failed, 75 stopped by SIGINT or "
    "SIGTERM.\n"
    "No code but 0 leaves an output file or folder behind, nor changes one that was there.";

}  // namespace

int run_tool(const char* name, const char* about, const char* example, int argc, char** argv,
             candor::function_ref<void(CLI::App&)> add, candor::function_ref<void()> work) {
  CLI::App app{about, called_name(name, argc, argv)};
  app.footer(std::string("Example:\n  ") + example + "\n\n" + exit_codes);
  add(app);
  add_completion(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // prints the help
  } catch (const CLI::ParseError&) {
    return report_failure(name, "");
  }
  end_where_memory_ends();
  try {
    const candor::stop_signals signals;
    work();
    return 0;
  } catch (...) {
    return report_failure(name, "lower --max-tokens, or take --dtype bf16");
  }
}

}  // namespace program
