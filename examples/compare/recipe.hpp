// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a recipe is: a way from the embedded world's base to a better model, as a row of one table. A recipe
/// is a function in a file of its own and a line of recipes.cpp; the frame evaluates what it leaves.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace compare {

/// What a recipe is given. Nothing but its evaluation may look at the contents of the scenes, unless its
/// published form has annotators.
struct recipe_context {
  std::filesystem::path base;    ///< model folder to begin with
  std::filesystem::path folder;  ///< its own; holds what an earlier, stopped run of it has left
  std::uint64_t seed = 1;        ///< of pictures, samples and training
  double fraction = 1;           ///< of its numbers of pictures: less for a quick look
  int held_out = 500;            ///< pictures of the evaluation, scenes::make_test_set's
  int threads = 0;
  bool quiet = false;

  /// A number of pictures, or of anything else that the recipe takes time for, by `fraction`; at least 8.
  std::int64_t scaled(std::int64_t count) const;
};

/// What a recipe leaves.
struct recipe_result {
  std::filesystem::path model;  ///< model folder
  std::int64_t records = 0;     ///< pairs or answers that it was trained on, all rounds together
  /// Where it is not the model alone that answers: captions of the held-out pictures. Else empty.
  std::vector<std::string> captions = {};
};

struct recipe {
  std::string_view name;         ///< as --recipes has it
  std::string_view title;        ///< as the table has it
  std::string_view description;  ///< one sentence, with the paper
  recipe_result (*run)(const recipe_context&);
};

/// All of them, in the table's order.
std::span<const recipe> recipes();

/// The one of this name; usage_error, with the names that there are, for another.
const recipe& recipe_named(std::string_view name);

}  // namespace compare
