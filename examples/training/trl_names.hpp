// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Options of TRL and transformers that a script may bring along and that mean something else here, or
/// nothing: each is refused with the way that leads to the same, rather than read differently in silence.

#include <candor/core/function_ref.hpp>

#include <string>

namespace training {

/// usage_error for the first such option among the arguments, unless the program has one of its name (with
/// dashes).
void refuse_foreign_options(int argc, const char* const* argv,
                            candor::function_ref<bool(const std::string&)> known);

}  // namespace training
