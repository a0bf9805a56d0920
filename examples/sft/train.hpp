// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Supervised fine-tuning, compiled once for both ways of running the program.

#include <candor/objective/sft.hpp>

#include "training/options.hpp"
#include "training/outcome.hpp"

namespace sft {

training::outcome train(const candor::sft& loss, const training::options& o);

/// Prints what `train` would do: training/dry_run.hpp.
void dry_run(const candor::sft& loss, const training::options& o);

}  // namespace sft
