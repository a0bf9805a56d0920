// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The one table: a line a recipe, the mean over its seeds and, where these are several, their range.

#include "compare/evaluation.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compare {

/// A recipe's rows, by seed. The base has one row, no seed and no records.
struct line {
  std::string name, title;
  std::vector<std::pair<std::uint64_t, row>> rows;
};

/// For people, in columns.
std::string plain_table(std::span<const line> lines);
/// For a README.
std::string markdown_table(std::span<const line> lines);
/// For programs: a line for each recipe and seed, with a header of names; what was not measured is empty.
std::string csv_table(std::span<const line> lines);

}  // namespace compare
