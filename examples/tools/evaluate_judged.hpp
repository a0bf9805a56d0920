// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate mmhal, refomb, llava-bench, deceptive and agreement: what judges said, added up; and with a judge
/// at hand, asked first.

#include <candor/core/error.hpp>
#include <candor/eval/judge_prompts.hpp>
#include <candor/eval/reviews.hpp>
#include <candor/feedback/cached_completer.hpp>
#include <candor/io/atomic_file.hpp>

#include "tools/evaluation.hpp"
#include "tools/judge_options.hpp"

#include <array>

namespace tools {

struct judged_files {
  std::vector<std::filesystem::path> reviews;
  candor::question_files asked;
  std::filesystem::path answers, prompt;
  judge_options judge;
  std::filesystem::path labels, truth;
};

/// A benchmark whose figures come from a judge's reviews.
struct judged_row {
  candor::judged_benchmark kind;
  const char *name, *about, *reviews;
  candor::judged_figures (*figures)(std::span<const candor::judge_review>);
  std::size_t questions;     ///< as published; 0 where their number is free
  const char* unparsed_are;  ///< what becomes of reviews without a rating
};

inline constexpr std::array judged_rows{
    judged_row{candor::judged_benchmark::mmhal, "mmhal",
               "MMHal-Bench: mean rating, hallucination rate, informativeness, by question type",
               "the judge's 96 responses in order, as eval_gpt_mmhal.py writes them (choices, or "
               "gpt4_review), or a text a line: \"... Rating: 4\"",
               candor::mmhal_figures, 96, "count as 0, as in the original"},
    judged_row{candor::judged_benchmark::refomb, "refomb",
               "RefoMB: mean verdict against the reference, by type",
               "reviews that end with [[A]], [[B]] or [[C]], as eval_RefoMB_p0.py (or, for trustworthiness, "
               "eval_hallucination.py) writes them; several files: runs to average",
               candor::refomb_figures, 0, "are left out"},
    judged_row{candor::judged_benchmark::llava_bench, "llava-bench",
               "LLaVA-Bench: the model's score relative to the reference's, by category",
               "reviews whose first line has the reference's and the model's score",
               candor::llava_bench_figures, 0, "are left out"},
    judged_row{candor::judged_benchmark::deceptive, "deceptive",
               "deceptive prompts as MAD-Bench has them: who goes along with a false premise",
               "category, and a review that says yes (the answer goes along) or no; or, as MAD-Bench's, "
               "Incorrect or "
               "Correct",
               candor::deceptive_figures, 0, "are left out"}};

/// Asks the judge about each answer, and writes its reviews as one line each, in the questions' order.
inline void write_reviews(const judged_row& b, const judged_files& files,
                          const std::vector<candor::judged_question>& questions, const evaluate_options& o,
                          evaluation& out) {
  const candor::judge_prompt prompt(b.kind, files.prompt);
  const auto answers = candor::read_answers(files.answers, {"question_id", "id", "image_id", "url"});
  std::vector<std::string> ids;
  for (const auto& question : questions) ids.push_back(question.id);
  const auto join = candor::join_answers(ids, answers, files.asked.questions.string(), files.answers, o.join);
  add_remarks(out, join, files.answers.string());
  std::vector<candor::picture_questions> prompts;
  for (std::size_t q = 0; q < questions.size(); ++q)
    if (const auto at = join.answer_of[q]; at >= 0)
      prompts.push_back(
          {questions[q].images, {prompt(questions[q], answers[static_cast<std::size_t>(at)].text)}});
  const auto& target = files.reviews.front();
  candor::cached_completer complete(endpoint_of(files.judge), target.string() + ".cache", 2048);
  const auto reviews = complete(prompts);
  std::string lines;
  for (std::size_t q = 0, r = 0; q < questions.size(); ++q)
    if (join.answer_of[q] >= 0) lines += candor::review_line(b.kind, questions[q], reviews[r++]) + "\n";
  candor::write_atomically(target, lines);
  out.remarks.push_back(candor::text(complete.asked(), " of ", prompts.size(), " reviews asked of ",
                                     files.judge.model, " now; all are in ", target.string()));
  if (files.prompt.empty()) out.remarks.push_back(own_words_remark);
}

inline evaluation evaluate_reviews(const judged_row& b, const judged_files& files,
                                   const evaluate_options& o) {
  evaluation out;
  std::vector<candor::judged_question> questions;
  if (!files.asked.questions.empty()) questions = candor::read_judged_questions(b.kind, files.asked);
  if (!files.judge.url.empty()) write_reviews(b, files, questions, o, out);
  for (const auto& file : files.reviews) {
    candor::answer_join join;
    const auto reviews = candor::join_reviews(
        candor::read_reviews(file), questions, file,
        questions.empty() ? file.string() : files.asked.questions.string(), o.join, join);
    if (files.judge.url.empty()) add_remarks(out, join, file.string());
    candor::require<candor::input_error>(
        b.questions == 0 || o.join.partial || !questions.empty() || reviews.size() == b.questions,
        file.string(), " has ", reviews.size(), " reviews; the benchmark has ", b.questions,
        " questions. Mend the file, or score what is there with --partial");
    auto judged = b.figures(reviews);
    if (judged.unparsed > 0) {
      candor::require<candor::input_error>(static_cast<std::size_t>(judged.unparsed) < reviews.size(),
                                           judged.first_unparsed,
                                           ": no review of this file holds a rating; expected ", b.reviews);
      out.remarks.push_back(candor::text(judged.unparsed, " of ", reviews.size(),
                                         " reviews hold no rating, the first in ", judged.first_unparsed,
                                         "; they ", b.unparsed_are));
    }
    if (files.reviews.size() > 1) judged.figures.title += " " + file.stem().string();
    out.figures.push_back(std::move(judged.figures));
  }
  if (out.figures.size() < 2) return out;
  candor::figure_table mean{
      "mean of " + std::to_string(out.figures.size()) + " runs", out.figures[0].columns, {}};
  candor::figure_row row{"all", 0, std::vector<double>(mean.columns.size(), 0.0)};
  for (const auto& run : out.figures) {
    row.count += run.rows[0].count;
    for (std::size_t c = 0; c < row.values.size(); ++c)
      row.values[c] += run.rows[0].values[c] / static_cast<double>(out.figures.size());
  }
  mean.rows.push_back(std::move(row));
  out.figures.push_back(std::move(mean));
  return out;
}

/// The options of a benchmark that a judge decides.
inline void add_judge(CLI::App& sub, const judged_row& b, judged_files& files) {
  sub.add_option("--reviews", files.reviews,
                 std::string(b.reviews) + ". With --judge: the file to write, a line each")
      ->required();
  sub.add_option("--questions", files.asked.questions,
                 "the benchmark's questions; reviews are joined with them by id, or line by line");
  auto* judge = add_judge_options(
      sub, files.judge, "URL of OpenAI's chat completions: ask the model there for the reviews first");
  const auto with_judge = [&](const std::string& name, auto& value, const std::string& about) {
    return sub.add_option(name, value, about)->needs(judge);
  };
  with_judge("--answers", files.answers,
             "the model's answers to --questions, joined by id; or `generate`'s output, line by line");
  with_judge(
      "--judge-prompt", files.prompt,
      "file with the judge's prompt, in place of candor's words: instructions, or a whole prompt with "
      "{context}, {question}, {reference} and {answer}, or four times {}; as .json one of these by category: "
      "LLaVA-Bench's rule.json");
  if (b.kind == candor::judged_benchmark::llava_bench)
    with_judge("--contexts", files.asked.contexts, "captions and boxes: caps_boxes_coco2014_val_80.jsonl");
  if (b.kind == candor::judged_benchmark::deceptive)
    with_judge("--images", files.asked.images,
               "folder of the questions' images: the judge sees them, as MAD-Bench's does");
  if (b.kind == candor::judged_benchmark::llava_bench || b.kind == candor::judged_benchmark::refomb)
    with_judge("--references", files.asked.references,
               "answers to compare with: qa90_gpt4_answer.jsonl; GPT-4V's of RefoMB");
}

/// usage_error where a judge lacks what it needs.
inline void check_judge(const judged_files& files) {
  if (files.judge.url.empty()) return;
  candor::require<candor::usage_error>(
      !files.asked.questions.empty() && !files.answers.empty() && !files.judge.model.empty(),
      "--judge needs --questions, --answers and --judge-model");
  candor::require<candor::usage_error>(files.reviews.size() == 1,
                                       "--judge writes one file of --reviews; found ", files.reviews.size());
}

inline void add_judged(CLI::App& app, evaluate_options& o, evaluation_work& work, judged_files& files) {
  for (const auto& b : judged_rows) {
    auto* sub = benchmark(app, b.name, b.about, "--reviews reviews.json", o);
    add_judge(*sub, b, files);
    sub->callback([&o, &work, &files, &b] {
      work = [&o, &files, &b] {
        check_judge(files);
        return evaluate_reviews(b, files, o);
      };
    });
  }
  auto* sub = benchmark(app, "agreement", "a judge against people: accuracy and Cohen's kappa, by label",
                        "--labels judge.jsonl --truth people.jsonl", o);
  sub->add_option("--labels", files.labels,
                  "the judge's: question_id (or id) and label, verdict, answer or text")
      ->required();
  sub->add_option("--truth", files.truth, "those of people, in the same form")->required();
  sub->callback([&] {
    work = [&] {
      candor::answer_join join;
      evaluation out;
      out.figures = {candor::agreement_figures(candor::read_labels(files.labels, files.truth, o.join, join))};
      add_remarks(out, join, files.labels.string());
      return out;
    };
  });
}

}  // namespace tools
