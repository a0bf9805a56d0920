// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate amber.

#include <candor/eval/amber.hpp>

#include "tools/evaluation.hpp"

namespace tools {

struct amber_files {
  std::filesystem::path data, answers, nltk_data, vectors;
};

inline evaluation evaluate_amber(const amber_files& files, const evaluate_options& o) {
  const auto benchmark = candor::read_amber(files.data);
  const auto answers = candor::read_answers(files.answers, {"id", "question_id"});
  const auto tools = files.nltk_data.empty()
                         ? candor::text_tools()
                         : candor::text_tools(files.nltk_data, {.lemmas = true, .tags = true});
  const auto vectors = files.vectors.empty() ? candor::word_vectors() : candor::word_vectors(files.vectors);
  const auto result =
      candor::score_amber(benchmark, answers, files.answers, tools, vectors, {.join = o.join});
  evaluation out;
  out.figures = candor::amber_figures(result);
  add_remarks(out, result.join, files.answers.string());
  std::int64_t neither = 0;
  for (const auto& counts : result.questions) neither += counts.neither;
  if (neither > 0)
    out.remarks.push_back(
        std::to_string(neither) +
        " answers to questions are neither \"Yes\" nor \"No\" letter for letter; AMBER counts "
        "them as wrong");
  if (result.descriptions && (files.nltk_data.empty() || files.vectors.empty()))
    out.remarks.push_back(
        "without --nltk-data and --vectors the figures of descriptions are not the original's; "
        "examples/evaluate.md says how they differ");
  return out;
}

inline void add_amber(CLI::App& app, evaluate_options& o, evaluation_work& work, amber_files& files) {
  auto* sub = benchmark(app, "amber",
                        "descriptions (CHAIR, Cover, Hal, Cog) and yes/no questions (F1; No is positive)",
                        "--data AMBER/data --answers answers.json --nltk-data nltk_data", o);
  sub->add_option("--data", files.data,
                  "AMBER's data folder: annotations.json, relation.json, safe_words.txt")
      ->required();
  sub->add_option("--answers", files.answers,
                  "id and response; to descriptions (1 to 1004), to questions, or to both")
      ->required();
  sub->add_option("--nltk-data", files.nltk_data,
                  "nltk_data folder with punkt_tab, wordnet and averaged_perceptron_tagger_eng");
  sub->add_option("--vectors", files.vectors, "spaCy's word vectors as text, a word and its numbers a line");
  sub->callback([&] { work = [&] { return evaluate_amber(files, o); }; });
}

}  // namespace tools
