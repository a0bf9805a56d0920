// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The command line of training programs: TRL's names where they mean the same, with dashes or underscores.

#include "training/options.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace training {

/// Options that are added from now on stand under this title in the help.
CLI::App* group(CLI::App& app, const std::string& title);

/// Adds the options to a program; values that are set before are shown as defaults.
void add_options(CLI::App& app, options& o);

/// Turns the words among the options into what they mean; usage_error for unknown ones.
void resolve(options& o);

}  // namespace training
