// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What follows a training whose next stage begins with a whole model.

#include <candor/model/llava_source.hpp>

#include "training/options.hpp"

#include <filesystem>

namespace training {

/// Writes a model folder anew with its adapter merged into the weights. `interrupted` where a signal asks to
/// stop; then `target` is not there.
void merge_adapter(const candor::llava_source& source, const std::filesystem::path& target, const options& o);

}  // namespace training
