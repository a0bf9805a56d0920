// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The frame of a training program: options with presets, and what a failure says (program/failures.hpp).

#include <candor/core/function_ref.hpp>

namespace CLI {
class App;
}

namespace training {

/// `add` declares the options, `preset` changes their values by what was given, `body` runs. The command line
/// is read before and after `preset`, so what the user gives goes before what a preset says.
int run_program(const char* name, const char* description, int argc, char** argv,
                candor::function_ref<void(CLI::App&)> add, candor::function_ref<void(CLI::App&)> preset,
                candor::function_ref<void()> body);

}  // namespace training
