// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Sentences cut into words as nltk's `word_tokenize` cuts them (an extension of the Penn Treebank's rules):
/// punctuation and clitics become words of their own. CHAIR and AMBER are defined over these words.

#include <candor/core/config.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// The words of one sentence: {"the", "dog", "'s", "ball", "."} for "the dog's ball.". Only a full stop at
/// the end is cut off, so split texts into sentences first. Equals nltk's NLTKWordTokenizer; bytes beyond
/// ASCII are letters, except for quotation marks and dashes.
std::vector<std::string> word_tokens(std::string_view sentence);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/word_tokens_impl.hpp>
#endif
