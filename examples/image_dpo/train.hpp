// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The losses over several images, compiled once for both ways of running the program.

#include <candor/objective/image_preference.hpp>

#include "training/options.hpp"
#include "training/outcome.hpp"

namespace image_dpo {

training::outcome train(const candor::image_preference& loss, const training::options& o);

/// Prints what `train` would do: training/dry_run.hpp.
void dry_run(const candor::image_preference& loss, const training::options& o);

}  // namespace image_dpo
