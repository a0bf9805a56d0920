// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Dense DPO with its supervised term, compiled once for both ways of running the program.

#include "rlhf_v/presets.hpp"
#include "training/outcome.hpp"

namespace rlhf_v {

training::outcome train(const settings& s, const training::options& o);

/// Prints what `train` would do: training/dry_run.hpp.
void dry_run(const settings& s, const training::options& o);

}  // namespace rlhf_v
