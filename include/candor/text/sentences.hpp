// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Cuts plain English into sentences, and sentences into words, by rules.

#include <candor/core/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// The sentences of a text in order, without the space around them. A sentence ends with . ! ? (and the
/// quotes or brackets that close behind it) before a space and something that may begin a sentence, and with
/// a line; not after an abbreviation ("Mr.", "e.g.", "J."), nor inside of a number ("2.5"). Marks of lists
/// ("- ", "* ", "3. ") at the beginning of a line are left out. The views refer to `text`.
std::vector<std::string_view> sentences(std::string_view text);

/// A word of a sentence, or a mark on its own. What stands in double quotes is one word.
struct word_token {
  std::string_view text;
  std::string lower;  ///< in lower case (ASCII)
  bool mark = false;  ///< punctuation: no word
};

/// Words keep their hyphens and apostrophes ("close-up", "Twenty's"). The views refer to `sentence`.
std::vector<word_token> split_words(std::string_view sentence);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/sentences_impl.hpp>
#endif
