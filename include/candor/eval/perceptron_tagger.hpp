// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Parts of speech by an averaged perceptron (Collins 2002), with the weights that nltk distributes as
/// `averaged_perceptron_tagger_eng`.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Equals nltk's `pos_tag`, with the same sums in the same order.
class perceptron_tagger {
 public:
  /// Reads the files `*.weights.json`, `*.tagdict.json` and `*.classes.json` of a folder such as
  /// nltk_data/taggers/averaged_perceptron_tagger_eng. io_error or input_error with the file.
  explicit perceptron_tagger(const std::filesystem::path& folder);

  /// The Penn Treebank tag of each word of a text: "NN", "NNS", "VBZ", ...
  std::vector<std::string> tags(const std::vector<std::string>& words) const;

 private:
  struct label_weight {
    std::uint32_t label;
    double weight;
  };
  using scores = std::vector<double>;  // one a label

  void add(scores& to, const std::string& feature) const;

  std::vector<std::string> labels_;  // sorted, so that the last of equals wins as in nltk
  std::unordered_map<std::string, std::uint32_t> known_;  // words with one tag only
  std::unordered_map<std::string, std::pair<std::uint32_t, std::uint32_t>> features_;  // ranges of weights_
  std::vector<label_weight> weights_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/perceptron_tagger_impl.hpp>
#endif
