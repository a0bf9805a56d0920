// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Word vectors from a text file, and how alike two words are by them.

#include <candor/core/config.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace CANDOR_NS {

class word_vectors {
 public:
  /// No vectors: words are alike only where they are the same.
  word_vectors() = default;
  /// Reads lines of a word and its numbers, with blanks between (GloVe's form, and word2vec's with its first
  /// line of two numbers). input_error with the line for anything else.
  explicit word_vectors(const std::filesystem::path& file);

  /// Cosine of the two words' vectors as spaCy computes it, in single precision: 1 for the same word, 0 where
  /// one of them has no vector.
  float similarity(std::string_view a, std::string_view b) const;
  bool empty() const { return vectors_.empty(); }

 private:
  std::unordered_map<std::string, std::vector<float>> vectors_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/word_vectors_impl.hpp>
#endif
