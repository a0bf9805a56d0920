// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// How the benchmarks' scorers take English apart, gathered: words, base forms, parts of speech. They lean on
/// nltk's data; where the user hands that over the results are theirs, else plain rules stand in.

#include <candor/core/config.hpp>
#include <candor/eval/noun_lemmas.hpp>
#include <candor/eval/perceptron_tagger.hpp>
#include <candor/eval/punkt.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// What a scorer needs of nltk's data.
struct text_needs {
  bool lemmas = false, tags = false;
};

class text_tools {
 public:
  /// Plain rules: sentences by punctuation, base forms by endings, every word possibly a noun.
  text_tools() = default;
  /// With the data in an nltk_data folder: tokenizers/punkt_tab/english, and as needed corpora/wordnet and
  /// taggers/averaged_perceptron_tagger_eng. input_error that names the missing part and how to get it.
  text_tools(const std::filesystem::path& nltk_data, const text_needs& needs);

  /// nltk's word_tokenize.
  std::vector<std::string> words(std::string_view text) const;
  /// WordNet's base form of a noun, or what its ending makes likely.
  std::string lemma(std::string_view word) const;
  /// The base forms of the nouns of a text; without a tagger those of all its words.
  std::vector<std::string> nouns(std::string_view text) const;
  /// Whether results are nltk's.
  bool exact() const { return exact_; }
  const std::optional<perceptron_tagger>& tagger() const { return tagger_; }

 private:
  bool exact_ = false;
  punkt sentences_;
  std::optional<noun_lemmas> lemmas_;
  std::optional<perceptron_tagger> tagger_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/text_tools_impl.hpp>
#endif
