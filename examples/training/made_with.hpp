// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Notes beside the files of a pipeline of what they are made with, so that none is resumed or reused with
/// other data or options.

#include <candor/train/run_config.hpp>

#include "training/options.hpp"

#include <filesystem>
#include <string_view>

namespace training {

/// usage_error, with the first difference, where a note says something else, or is not there: "`what` was
/// made with other data or options (seed: 2, was 1); `advice`".
void require_made_with(const std::filesystem::path& note, const candor::run_config& made_with,
                       std::string_view what, std::string_view advice);

/// The same where the note is there; else writes it, with its folder, before anything is made.
void claim(const std::filesystem::path& note, const candor::run_config& made_with, std::string_view what,
           std::string_view advice);

/// Adds what the words of a model in a folder depend on beside its input: its files by size and time, the
/// vision tower's, template, image transform and number type.
void add_model(candor::run_config& made_with, const std::filesystem::path& folder, const options& o);

}  // namespace training
