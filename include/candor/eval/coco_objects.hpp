// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// MSCOCO's 80 object classes in English texts: synonyms, pairs of words that are one object ("hot dog"), and
/// words that only look like one ("baby" in "baby elephant").

#include <candor/core/config.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace CANDOR_NS {

/// Whose rules for pairs of words.
enum class coco_rules {
  classic,  ///< CHAIR (Rohrbach et al., arXiv 1809.02156): a fixed list
  refined,  ///< RLHF-V's and RLAIF-V's: every synonym of two words
};

struct object_mention {
  std::string word;    ///< as said, in base form: "puppy"
  std::string object;  ///< its class: "dog"
};

class coco_objects {
 public:
  /// Reads a synonym list: a class a line, its name first, its synonyms behind it, separated by ", ".
  /// input_error for a list without names.
  coco_objects(const std::filesystem::path& synonyms, coco_rules rules);

  /// The mentions in the words of a text, which are in lower case and in base form, in order and as often as
  /// they stand there.
  std::vector<object_mention> mentions(std::span<const std::string> words) const;
  /// Pairs of words joined to the word that they mean; all other words as they are.
  std::vector<std::string> joined(std::span<const std::string> words) const;
  /// The word that two words mean together, or an empty view.
  std::string_view pair_meaning(std::string_view first, std::string_view second) const;
  /// The class of a word or a class name, or an empty view.
  std::string_view object_of(std::string_view word) const;
  /// Mentions of words that are joined already.
  std::vector<object_mention> known(std::span<const std::string> joined_words) const;

 private:
  std::unordered_map<std::string, std::string> object_of_, pairs_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/coco_objects_impl.hpp>
#endif
