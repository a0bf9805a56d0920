// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A model here as pairwise judge: it reads its own probabilities of A and B.

#include <candor/feedback/pairwise.hpp>
#include <candor/model/llava.hpp>
#include <candor/model/questions.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// Contests about the same picture that follow each other share it: the two orders of a contest cost one
/// picture. The model must outlive the judge.
template <class B, class T>
class model_pairwise_judge {
 public:
  explicit model_pairwise_judge(llava<B, T>& model, scoring_options scoring = {})
      : model_(model),
        scoring_(scoring),
        letters_{letter(model.processor(), "A"), letter(model.processor(), "B")} {}

  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests) {
    const processor& p = model_.processor();
    std::vector<encoded_record> records;
    for (std::size_t begin = 0, end = 0; begin < contests.size(); begin = end) {
      std::vector<std::string> prompts;
      for (; end < contests.size() && same_pictures(contests[begin], contests[end]); ++end)
        prompts.push_back(pairwise_prompt(contests[end]));
      const auto& images = contests[begin].images;
      records.push_back({question_tree(p, prompts, images.size(), contests[begin].source), p.pixels(images)});
    }
    std::vector<const encoded_record*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    std::vector<pairwise_verdict> verdicts;
    for (const auto& read :
         ask_yes_no(model_.network(), std::span<const encoded_record* const>(pointers), letters_, scoring_))
      for (const auto& letters : read) verdicts.push_back({letters.yes, letters.no});
    return verdicts;
  }

 private:
  static bool same_pictures(const answer_contest& a, const answer_contest& b) {
    return std::equal(a.images.begin(), a.images.end(), b.images.begin(), b.images.end(),
                      [](const image_source& x, const image_source& y) { return x.name() == y.name(); });
  }
  static std::vector<std::int32_t> letter(const processor& p, const char* name) {
    const std::array<std::string, 1> words{name};
    auto ids = single_token_words(p, words);
    require<input_error>(!ids.empty(), "the tokenizer has no single token for ", name,
                         " at the beginning of an answer; this model cannot judge pairs by a letter");
    return ids;
  }

  llava<B, T>& model_;
  scoring_options scoring_;
  yes_no_tokens letters_;  ///< A stands for yes
};

}  // namespace CANDOR_NS
