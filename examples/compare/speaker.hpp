// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A model that answers questions about scenes, compiled once for all recipes.

#include <candor/image/distortion.hpp>

#include "compare/recipe.hpp"
#include "scenes/scene.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace compare {

/// A question about a scene.
struct scene_question {
  const scenes::scene* scene;
  std::string text;
};

class speaker {
 public:
  speaker(const std::filesystem::path& model, int threads);
  ~speaker();

  /// An answer to each; temperature 0 is greedy. With `worse` the model sees each picture so; `seed` is of
  /// both draws. candor::interrupted where a signal wants it.
  std::vector<std::string> answer(std::span<const scene_question> questions, double temperature = 0,
                                  std::uint64_t seed = 0, const candor::distortion* worse = nullptr);
  /// Whether the model finds yes likelier than no.
  std::vector<bool> confirms(std::span<const scene_question> questions);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// Fresh scenes of a recipe: `first` and on of the pictures of its seed.
std::vector<scenes::scene> fresh_scenes(const recipe_context& context, std::int64_t count,
                                        std::int64_t first = 0);

}  // namespace compare
