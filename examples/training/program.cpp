// SPDX-License-Identifier: Apache-2.0
#include "training/program.hpp"

#include "program/completion.hpp"
#include "program/failures.hpp"
#include "training/trl_names.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <string>

namespace training {

int run_program(const char* name, const char* description, int argc, char** argv,
                candor::function_ref<void(CLI::App&)> add, candor::function_ref<void(CLI::App&)> preset,
                candor::function_ref<void()> body) {
  CLI::App app{description, program::called_name(name, argc, argv)};
  app.footer(
      "Exit codes: 0 ok, 2 bad option, 3 bad input, 4 numbers not finite, 5 disk, 6 memory, 7 device, 75 "
      "stopped "
      "and saved.");
  program::end_where_memory_ends();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that outgrows `ulimit -f` is a failed write, with a message
  try {
    add(app);
    refuse_foreign_options(argc, argv, [&](const std::string& option) {
      return app.get_option_no_throw("--" + option) != nullptr;
    });
    app.parse(argc, argv);
    preset(app);
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);  // prints the help
  } catch (...) {
    return program::report_failure(name, "lower --max-tokens or --batch-size, or train with --lora-r");
  }
}

}  // namespace training
