// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a file of preference records holds, in numbers: forms, lengths, repetitions, what cannot be used.

#include <candor/data/preference_data.hpp>
#include <candor/model/processor.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace records {

/// Lengths of one part of all records.
struct length_figures {
  static constexpr std::array<double, 5> shares{0.0, 0.05, 0.5, 0.95,
                                                1.0};  ///< of records that are not longer
  double mean = 0;
  std::array<std::int64_t, 5> at_share{};  ///< a length for each of `shares`
};

/// Of lengths in any order; all 0 where there are none.
length_figures figures_of(std::vector<std::int64_t> lengths);

struct summary {
  std::int64_t records = 0;                           ///< pairs, or dialogs for fine-tuning
  std::map<candor::record_form, std::int64_t> forms;  ///< how many records are of which form
  std::map<std::size_t, std::int64_t> images;         ///< how many records have so many images
  std::int64_t several_turns = 0, with_margin = 0, with_others = 0;
  std::int64_t repeated = 0;      ///< records that say the same about the same images as one before them
  std::int64_t without_pair = 0;  ///< records of rated answers
  std::int64_t chosen_longer = 0, rejected_longer = 0;  ///< by the lengths below
  std::int64_t too_long = 0;                            ///< beyond the processor's max_length; 0 without one
  std::string unit;                                     ///< of lengths: "tokens" or "words"
  length_figures prompt, chosen,
      rejected;  ///< of a prompt images and template are part where tokens are counted
  std::map<std::string, std::int64_t> skipped;  ///< how many records are bad for which reason
};

/// Of all records; lengths are tokens where there is a processor, else words between spaces. `max_length` is
/// in tokens, of prompt and the longer answer.
summary summarise(const candor::preference_data& data, const candor::processor* processor,
                  std::int64_t max_length, std::int64_t image_tokens);

/// For a terminal.
std::string summary_text(const summary& s, const std::filesystem::path& path);

}  // namespace records
