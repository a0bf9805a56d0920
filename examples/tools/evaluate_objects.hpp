// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate chair, evaluate halbench: objects that captions name, against MSCOCO's annotations.

#include <candor/core/error.hpp>
#include <candor/eval/chair.hpp>

#include "tools/evaluation.hpp"

#include <unordered_set>
#include <utility>

namespace tools {

struct object_options {
  std::filesystem::path answers, questions, synonyms, annotations, truth, write_truth, nltk_data;
  bool refined = false;
};

/// The truth about the images of these answers.
inline candor::coco_truth truth_for(const object_options& files,
                                    const std::vector<candor::model_answer>& answers,
                                    const candor::coco_objects& vocabulary,
                                    const candor::object_finder& finder) {
  if (!files.truth.empty()) return candor::read_coco_truth(files.truth, vocabulary);
  std::unordered_set<std::string> images;
  for (const auto& a : answers) images.insert(a.id);
  auto out = candor::read_coco_annotations(files.annotations, images, vocabulary,
                                           [&](std::string_view text) { return finder.in_caption(text); });
  if (!files.write_truth.empty()) candor::write_coco_truth(files.write_truth, out);
  return out;
}

inline evaluation evaluate_objects(const object_options& files, const evaluate_options& o, bool halbench) {
  candor::require<candor::usage_error>(files.annotations.empty() != files.truth.empty(),
                                       "give --annotations, or --truth; one of the two");
  const auto rules = halbench || files.refined ? candor::coco_rules::refined : candor::coco_rules::classic;
  const std::vector<std::string> id_keys{"image_id", "question_id", "id"};
  auto answers = candor::read_answers(files.answers, id_keys);
  if (!files.questions.empty()) candor::take_ids_from(answers, files.questions, id_keys);
  candor::require<candor::input_error>(!answers.front().id.empty(), answers.front().source,
                                       ": the key image_id is missing; it says which picture was described. "
                                       "Give the file of questions that has it "
                                       "as --questions");
  const bool judged = halbench && answers.front().has_objects;
  const candor::coco_objects vocabulary(files.synonyms, rules);
  const candor::text_tools tools =
      files.nltk_data.empty()
          ? candor::text_tools()
          : candor::text_tools(files.nltk_data,
                               {.lemmas = rules == candor::coco_rules::refined, .tags = judged});
  const candor::object_finder finder(vocabulary, tools, rules);
  const auto truth = truth_for(files, answers, vocabulary, finder);

  std::vector<std::string> images;  // those of the answers whose truth is known, once each
  std::unordered_set<std::string> seen;
  for (const auto& a : answers)
    if (truth.contains(a.id) && seen.insert(a.id).second) images.push_back(a.id);
  const auto& known = files.truth.empty() ? files.annotations : files.truth;
  const auto join = candor::join_answers(images, answers, known.string(), files.answers, o.join);

  evaluation out;
  add_remarks(out, join, files.answers.string());
  if (!tools.exact())
    out.remarks.push_back(
        "without --nltk-data texts are taken apart by plain rules; examples/evaluate.md says "
        "how far figures then are from the original's");
  candor::chair_counts counts;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto& a = answers[static_cast<std::size_t>(join.answer_of[i])];
    candor::require<candor::input_error>(!judged || a.has_objects, a.source,
                                         ": no judge's list of objects (extract_objs), but others have one");
    auto mentions = judged     ? finder.in_list(a.objects)
                    : halbench ? finder.in_answer(a.text)
                               : finder.in_caption(a.text);
    out.details.push_back(
        candor::verdict_json(counts.add(a.id, a.text, std::move(mentions), truth.at(a.id))));
  }
  if (halbench)
    out.figures = {candor::object_halbench_figures(counts, judged ? "judge's objects" : "objects by rule")};
  else
    out.figures = {candor::chair_figures(counts, files.refined ? "refined" : "classic", "CHAIR, %")};
  return out;
}

inline void add_objects(CLI::App& app, evaluate_options& o, evaluation_work& work, object_options& files,
                        bool halbench) {
  auto* sub =
      halbench
          ? benchmark(app, "halbench",
                      "Object HalBench: answers and mentions with objects that are not there, objects by "
                      "rule or from a judge",
                      "--answers answers.jsonl --synonyms synonyms_refine.txt --annotations coco/annotations",
                      o)
          : benchmark(app, "chair", "captions: CHAIRs and CHAIRi, classic or refined",
                      "--answers captions.jsonl --synonyms synonyms.txt --annotations coco/annotations "
                      "--write-truth truth.jsonl",
                      o);
  sub->add_option("--answers", files.answers,
                  halbench ? "image_id and text or answer; with extract_objs where a judge listed the objects"
                           : "image_id and caption (or text, answer), or CHAIR's own imgToEval file")
      ->required();
  sub->add_option("--questions", files.questions,
                  "for answers without image_id (`generate`'s): what was asked, image_id a line");
  sub->add_option("--synonyms", files.synonyms,
                  halbench ? "synonyms_refine.txt of RLAIF-V's eval/data"
                           : "synonyms.txt of CHAIR's data folder; synonyms_refine.txt for --refined")
      ->required();
  sub->add_option("--annotations", files.annotations,
                  "folder of MSCOCO's instances_*.json and captions_*.json, which both count as truth");
  sub->add_option("--truth", files.truth, "or what --write-truth wrote: image_id and objects");
  sub->add_option("--write-truth", files.write_truth, "file for the truth about these images");
  sub->add_option("--nltk-data", files.nltk_data,
                  "nltk_data folder with punkt_tab, wordnet and (judged objects) "
                  "averaged_perceptron_tagger_eng: figures as the original's");
  if (!halbench)
    sub->add_flag("--refined", files.refined, "count as RLHF-V's fork does: WordNet's base forms, all pairs");
  add_details(*sub, o);
  sub->callback([&o, &work, &files, halbench] {
    work = [&o, &files, halbench] { return evaluate_objects(files, o, halbench); };
  });
}

}  // namespace tools
