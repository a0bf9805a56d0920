// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Completion scripts for shells, made from the options of a program: `PROGRAM --completion bash`.

#include <CLI/CLI.hpp>

#include <string>

namespace program {

/// The name that the program was called by, as an installed one is candor-`name`; `name` itself where that is
/// no plain word.
std::string called_name(const char* name, int argc, const char* const* argv);

/// A script for "bash", "zsh" or "fish" that completes the program's options, and their values where these
/// are files (type FILE, PATH or TEXT), folders (FOLDER), true or false (BOOLEAN), or words in a list (type
/// {one,two}).
std::string completion_script(const CLI::App& app, const std::string& shell);

/// Adds --completion, which prints the script and ends the program.
void add_completion(CLI::App& app);

}  // namespace program
