// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// CHAIR (Rohrbach et al., arXiv 1809.02156): which of the MSCOCO objects that a caption names are not in its
/// image. Classic, as POVID reports it; refined, as RLHF-V's and RLAIF-V's fork counts; and Object HalBench,
/// the refined figures over the distinct objects of each answer.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/coco_objects.hpp>
#include <candor/eval/coco_truth.hpp>
#include <candor/eval/figures.hpp>
#include <candor/eval/text_tools.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Whether Object HalBench looks for objects in an answer: it has more than three words.
bool may_name_objects(std::string_view answer);

/// Finds the objects of captions and answers.
class object_finder {
 public:
  object_finder(const coco_objects& vocabulary, const text_tools& tools, coco_rules rules)
      : vocabulary_(vocabulary), tools_(tools), rules_(rules) {}

  /// Every mention of a caption. Classic: words in lower case, singular by rule; refined: by WordNet.
  std::vector<object_mention> in_caption(std::string_view caption) const;
  /// The distinct objects of an answer, each word once; none where may_name_objects says so.
  std::vector<object_mention> in_answer(std::string_view answer) const;
  /// The distinct objects among those that a judge listed: pairs of words that are an object, else runs of
  /// nouns; without a tagger the last word of each.
  std::vector<object_mention> in_list(std::span<const std::string> objects) const;

 private:
  std::vector<object_mention> once(std::vector<object_mention> mentions) const;
  std::vector<std::string> lemmas(std::string_view text) const;

  const coco_objects& vocabulary_;
  const text_tools& tools_;
  coco_rules rules_;
};

/// One caption against its image.
struct caption_verdict {
  std::string image, caption;
  std::vector<object_mention> mentions, hallucinated;
};

/// Counts over captions; ratios are in [0, 1].
struct chair_counts {
  std::int64_t captions = 0;
  std::int64_t with_mentions = 0;  ///< captions that name an object
  std::int64_t hallucinated_captions = 0;
  std::int64_t mentions = 0, hallucinated = 0;
  std::int64_t found = 0;    ///< distinct true classes named, summed over captions
  std::int64_t objects = 0;  ///< true classes, summed over captions
  std::int64_t words = 0;    ///< between blanks

  double chair_s() const { return ratio(hallucinated_captions, captions); }
  double chair_s_refined() const { return ratio(hallucinated_captions, with_mentions); }
  double chair_i() const { return ratio(hallucinated, mentions); }
  double recall() const { return ratio(found, objects); }
  /// Of recall and 1 - CHAIRi, as RLAIF-V's summary has it.
  double f1() const { return share_of(2 * recall() * (1 - chair_i()), recall() + (1 - chair_i())); }
  double mean_words() const { return ratio(words, captions); }

  /// Counts one caption, and says which mentions are not true.
  caption_verdict add(std::string image, std::string caption, std::vector<object_mention> mentions,
                      const std::set<std::string>& truth);

 private:
  static double ratio(std::int64_t part, std::int64_t whole) {
    return share_of(static_cast<double>(part), static_cast<double>(whole));
  }
};

/// {"image_id", "caption", "mscoco_hallucinated_words", "mscoco_generated_words", "CHAIRs", "CHAIRi"}
std::string verdict_json(const caption_verdict& verdict);

/// CHAIRs and CHAIRi in %, with recall and length. `name` names the row.
figure_table chair_figures(const chair_counts& counts, const std::string& name, const std::string& title);
/// Object HalBench's: rates over answers that name an object, in %.
figure_table object_halbench_figures(const chair_counts& counts, const std::string& name);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/chair_impl.hpp>
#endif
