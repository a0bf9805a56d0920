// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The frame of a tool: its options are read, then its work is run.

#include <candor/core/function_ref.hpp>

namespace CLI {
class App;
}

namespace program {

inline constexpr const char* vision_tower_help =
    "CLIP folder, for a model in original LLaVA's layout that names its tower only";

/// `add` declares the options, `work` runs with what was given; the exit status. `example` is a command line
/// for the help. SIGINT and SIGTERM are noted and to be polled by the work (candor::throw_if_stopped); a
/// second one ends the process at once.
int run_tool(const char* name, const char* about, const char* example, int argc, char** argv,
             candor::function_ref<void(CLI::App&)> add, candor::function_ref<void()> work);

}  // namespace program
