// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The pairwise losses, compiled once for both ways of running the program.

#include <candor/objective/pairwise.hpp>

#include "training/options.hpp"
#include "training/outcome.hpp"

namespace dpo {

training::outcome train(const candor::pairwise& loss, const training::options& o);

/// Prints what `train` would do: training/dry_run.hpp.
void dry_run(const candor::pairwise& loss, const training::options& o);

}  // namespace dpo
