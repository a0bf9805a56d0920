// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Judges: who says of a picture whether a claim about it is true. A model reads its own probabilities of yes
/// and no; feedback/remote_judge.hpp asks a server; feedback/verdict_cache.hpp remembers what any of them
/// said.

#include <candor/image/image_source.hpp>
#include <candor/model/llava.hpp>
#include <candor/model/questions.hpp>

#include <concepts>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Questions for yes or no about one picture (or several that belong together).
struct picture_questions {
  std::vector<image_source> images;
  std::vector<std::string> questions;
  std::string source = {};  ///< "pairs.jsonl:12", for errors
};

/// Verdicts on many pictures at once: result[picture][question].
template <class J>
concept claim_judge = requires(J judge, std::span<const picture_questions> pictures) {
  { judge.judge(pictures) } -> std::same_as<std::vector<std::vector<yes_no_answer>>>;
};

struct model_judge_options {
  std::string suffix = " Please answer yes or no.";  ///< follows each question (RLAIF-V's); may be empty
  scoring_options scoring = {};
};

/// A model as the judge, with all questions about a picture in one pass: the policy itself, or another one.
/// The model must outlive it.
template <class B, class T>
class model_judge {
 public:
  explicit model_judge(llava<B, T>& model, model_judge_options options = {})
      : model_(model), options_(std::move(options)), words_(yes_no_tokens_of(model.processor())) {}

  std::vector<std::vector<yes_no_answer>> judge(std::span<const picture_questions> pictures) {
    const processor& p = model_.processor();
    std::vector<encoded_record> records;
    for (const auto& picture : pictures) {
      auto asked = picture.questions;
      for (auto& question : asked) question += options_.suffix;
      auto& record = records.emplace_back();
      record.tree = question_tree(p, asked, picture.images.size(), picture.source);
      if (!asked.empty()) record.pixels = p.pixels(picture.images);
    }
    std::vector<std::vector<yes_no_answer>> verdicts(records.size());
    std::vector<const encoded_record*> some;
    std::vector<std::size_t> whose;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (!records[i].tree.segments.empty()) {
        some.push_back(&records[i]);
        whose.push_back(i);
      }
    auto read =
        ask_yes_no(model_.network(), std::span<const encoded_record* const>(some), words_, options_.scoring);
    for (std::size_t i = 0; i < read.size(); ++i) verdicts[whose[i]] = std::move(read[i]);
    return verdicts;
  }

 private:
  llava<B, T>& model_;
  model_judge_options options_;
  yes_no_tokens words_;
};

}  // namespace CANDOR_NS
