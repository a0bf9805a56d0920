// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A row of the table: what a model says of the held-out scenes, and how much it looks at them.

#include "compare/recipe.hpp"
#include "scenes/evaluation.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace compare {

struct evaluation {
  scenes::evaluation figures;         ///< greedy captions, yes/no questions
  std::vector<std::string> captions;  ///< of the held-out scenes
  /// Of true captions, the share whose log-prob falls when the picture is taken away (all of it the mean
  /// colour), %, and by how much a token, nats.
  double imageless = 0, image_nats = 0;
};

/// Of the model in a folder on `held_out` scenes. `captions`, where they are given, count instead of its own.
evaluation evaluate(const std::filesystem::path& model, int held_out, int threads,
                    const std::vector<std::string>& captions = {});

/// A recipe with one seed, done.
struct row {
  evaluation after;
  std::filesystem::path model;
  std::int64_t records = 0;
  /// Of sampling, judging and training; absent where the run was stopped in between.
  std::optional<double> seconds = {};
};

/// result.json of a recipe's folder; input_error with the file and the field for one that is none.
void write_row(const std::filesystem::path& file, const row& r);
row read_row(const std::filesystem::path& file);

}  // namespace compare
