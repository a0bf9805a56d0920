// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Corrections (Aligner, arXiv 2402.02416): a second model rewrites what a first one has answered. It is fine-tuned on
/// questions and answers with what the answers should have been, first on answers that stay as they are, and stands
/// behind any model; what it changes makes preference pairs for the first one.

#include <candor/core/config.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// The question to a correction model, in the form of Aligner's template, with the picture in the place of its values.
std::string correction_prompt(const std::string& question, const std::string& answer);

/// An answer, and what the correction model made of it.
struct correction {
  std::string answer, corrected;
};

/// The places of those that make a pair, corrected over answer: both say something, and not the same.
std::vector<std::size_t> changed_answers(std::span<const correction> corrections);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/corrections_impl.hpp>
#endif
