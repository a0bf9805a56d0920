// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate chair, evaluate halbench: objects that captions name, against MSCOCO's annotations.

#include <candor/core/error.hpp>
#include <candor/eval/chair.hpp>
#include <candor/eval/judge_prompts.hpp>
#include <candor/feedback/cached_completer.hpp>

#include "tools/evaluation.hpp"
#include "tools/judge_options.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace tools {

struct object_options {
  std::filesystem::path answers, questions, synonyms, annotations, truth, write_truth, nltk_data;
  bool refined = false;
  judge_options judge;  ///< lists the objects of Object HalBench
  std::filesystem::path objects, prompt;
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

/// Asks the judge for the objects of each answer, and writes the answers with them as RLAIF-V's program does.
/// Answers of three words and fewer have none.
inline void ask_for_objects(std::vector<candor::model_answer>& answers, const object_options& files,
                            evaluation& out) {
  const candor::objects_prompt prompt(files.prompt);
  std::vector<std::string> prompts;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    auto& a = answers[i];
    a.has_objects = !candor::may_name_objects(a.text);
    if (a.has_objects) continue;
    asked.push_back(i);
    prompts.push_back(prompt(a.question, a.text));
  }
  candor::cached_completer complete(endpoint_of(files.judge), files.objects.string() + ".cache", 1024);
  const auto replies = complete(prompts);
  for (std::size_t r = 0; r < replies.size(); ++r)
    if (auto objects = candor::objects_in_reply(replies[r])) {
      answers[asked[r]].objects = std::move(*objects);
      answers[asked[r]].has_objects = true;
    }
  std::string lines;
  for (const auto& a : answers) lines += candor::objects_line(a) + "\n";
  candor::write_atomically(files.objects, lines);
  out.remarks.push_back(candor::text(complete.asked(), " of ", prompts.size(), " lists of objects asked of ",
                                     files.judge.model, " now; all are in ", files.objects.string()));
  if (files.prompt.empty()) out.remarks.push_back(own_words_remark);
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
  const bool asks = !files.judge.url.empty();
  const auto has_objects = [](const candor::model_answer& a) { return a.has_objects; };
  const bool listed = std::any_of(answers.begin(), answers.end(), has_objects);
  candor::require<candor::usage_error>(!asks || !listed, "--judge is to list objects, but ",
                                       files.answers.string(), " has a judge's lists (extract_objs) already");
  candor::require<candor::usage_error>(
      !asks || !files.objects.empty(),
      "--judge needs --objects: the file for the answers with their objects");
  const bool judged = halbench && (asks || listed);
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
  if (asks) ask_for_objects(answers, files, out);
  if (!tools.exact())
    out.remarks.push_back(
        "without --nltk-data texts are taken apart by plain rules; examples/evaluate.md says "
        "how far figures then are from the original's");
  candor::chair_counts counts;
  std::int64_t unlisted = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto& a = answers[static_cast<std::size_t>(join.answer_of[i])];
    unlisted += judged && !a.has_objects;
    auto mentions = judged && a.has_objects ? finder.in_list(a.objects)
                    : halbench              ? finder.in_answer(a.text)
                                            : finder.in_caption(a.text);
    out.details.push_back(
        candor::verdict_json(counts.add(a.id, a.text, std::move(mentions), truth.at(a.id))));
  }
  if (unlisted > 0)
    out.remarks.push_back(candor::text(unlisted, " of ", images.size(),
                                       " answers have no judge's list of objects that could be read: theirs "
                                       "are found by rule"));
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
  if (halbench) {
    auto* judge = add_judge_options(
        *sub, files.judge,
        "URL of OpenAI's chat completions: ask the model there for the objects of each answer");
    sub->add_option("--objects", files.objects,
                    "file to write: the answers with the judge's lists as extract_objs")
        ->needs(judge);
    sub->add_option("--judge-prompt", files.prompt,
                    "file with the judge's prompt, in place of candor's words, with {question} and {answer}")
        ->needs(judge);
  } else {
    sub->add_flag("--refined", files.refined, "count as RLHF-V's fork does: WordNet's base forms, all pairs");
  }
  add_details(*sub, o);
  sub->callback([&o, &work, &files, halbench] {
    work = [&o, &files, halbench] { return evaluate_objects(files, o, halbench); };
  });
}

}  // namespace tools
