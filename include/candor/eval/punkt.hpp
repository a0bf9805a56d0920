// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Texts cut into sentences by Punkt (Kiss and Strunk 2006), with the parameters that nltk distributes as
/// `punkt_tab`, or by a plain rule where they are not at hand.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace CANDOR_NS {

/// Equals nltk's `sent_tokenize` where the parameters were read.
class punkt {
 public:
  /// Without parameters: a sentence ends at . ? or ! before a blank, but not after a lone letter.
  punkt() = default;
  /// Reads `abbrev_types.txt`, `collocations.tab`, `sent_starters.txt` and `ortho_context.tab` of a folder
  /// such as nltk_data/tokenizers/punkt_tab/english. io_error or input_error with file and line.
  explicit punkt(const std::filesystem::path& folder);

  /// The sentences, without the blanks between them. Views into the text.
  std::vector<std::string_view> sentences(std::string_view text) const;

 private:
  struct token;
  struct break_place;

  bool breaks(std::string_view context) const;
  void classify(token& first, const token& next) const;
  int starts_sentence(const token& t) const;
  std::uint32_t context_of(const std::string& type) const;

  bool trained_ = false;
  std::unordered_set<std::string> abbreviations_, starters_;
  std::unordered_set<std::string> collocations_;                // "first\tsecond"
  std::unordered_map<std::string, std::uint32_t> orthography_;  // bits of where and how a word was seen
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/punkt_impl.hpp>
#endif
