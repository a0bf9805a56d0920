// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The base form of English nouns by WordNet, as nltk's WordNetLemmatizer finds it.

#include <candor/core/config.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace CANDOR_NS {

/// WordNet's nouns. Equals `WordNetLemmatizer().lemmatize(word)` of nltk 3.9 and later.
class noun_lemmas {
 public:
  /// Reads `index.noun` and `noun.exc` of a WordNet 3 folder: nltk_data/corpora/wordnet, or
  /// /usr/share/wordnet. io_error where they cannot be read, input_error where index.noun has no nouns.
  explicit noun_lemmas(const std::filesystem::path& folder);

  /// The shortest noun of WordNet among the word itself and its forms without plural endings; the word where
  /// there is none.
  std::string lemma(std::string_view word) const;

 private:
  std::unordered_set<std::string> nouns_;
  std::unordered_map<std::string, std::vector<std::string>> exceptions_;  // "mice" -> "mouse"
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/noun_lemmas_impl.hpp>
#endif
