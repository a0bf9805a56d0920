// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate mmhal, refomb, llava-bench, deceptive and agreement: what judges said, added up.

#include <candor/core/error.hpp>
#include <candor/eval/reviews.hpp>

#include "tools/evaluation.hpp"

#include <array>

namespace tools {

struct judged_files {
  std::vector<std::filesystem::path> reviews;
  std::filesystem::path labels, truth;
};

/// A benchmark whose figures come from a judge's reviews.
struct judged_benchmark {
  const char *name, *about, *reviews;
  candor::judged_figures (*figures)(std::span<const candor::judge_review>);
  std::size_t questions;     ///< as published; 0 where their number is free
  const char* unparsed_are;  ///< what becomes of reviews without a rating
};

inline constexpr std::array judged_benchmarks{
    judged_benchmark{"mmhal",
                     "MMHal-Bench: mean rating, hallucination rate, informativeness, by question type",
                     "the judge's 96 responses in order, as eval_gpt_mmhal.py writes them (choices, or "
                     "gpt4_review), or a text a line: \"... Rating: 4\"",
                     candor::mmhal_figures, 96, "count as 0, as in the original"},
    judged_benchmark{
        "refomb", "RefoMB: mean verdict against the reference, by type",
        "reviews that end with [[A]], [[B]] or [[C]], as eval_RefoMB_p0.py (or, for trustworthiness, "
        "eval_hallucination.py) writes them; several files: runs to average",
        candor::refomb_figures, 0, "are left out"},
    judged_benchmark{"llava-bench", "LLaVA-Bench: the model's score relative to the reference's, by category",
                     "reviews whose first line has the reference's and the model's score",
                     candor::llava_bench_figures, 0, "are left out"},
    judged_benchmark{"deceptive",
                     "deceptive prompts as MAD-Bench has them: who goes along with a false premise",
                     "category, and a review that says yes (the answer goes along) or no",
                     candor::deceptive_figures, 0, "are left out"}};

inline evaluation evaluate_reviews(const judged_benchmark& b, const judged_files& files,
                                   const evaluate_options& o) {
  evaluation out;
  for (const auto& file : files.reviews) {
    const auto reviews = candor::read_reviews(file);
    candor::require<candor::input_error>(b.questions == 0 || o.join.partial || reviews.size() == b.questions,
                                         file.string(), " has ", reviews.size(),
                                         " reviews; the benchmark has ", b.questions,
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

inline void add_judged(CLI::App& app, evaluate_options& o, evaluation_work& work, judged_files& files) {
  for (const auto& b : judged_benchmarks) {
    auto* sub = benchmark(app, b.name, b.about, "--reviews reviews.json", o);
    sub->add_option("--reviews", files.reviews, b.reviews)->required();
    sub->callback(
        [&o, &work, &files, &b] { work = [&o, &files, &b] { return evaluate_reviews(b, files, o); }; });
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
