// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Two models' answers to the same questions, as contests for a pairwise judge (feedback/pairwise.hpp), and
/// how often each of them won.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/figures.hpp>
#include <candor/feedback/pairwise.hpp>
#include <candor/feedback/pairwise_orders.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

struct contest_files {
  std::filesystem::path questions;    ///< question (or text), image, and where there is one category
  std::filesystem::path images = {};  ///< folder that names of images start from; empty: the questions' own
  std::filesystem::path answers;      ///< of the model in question: the first answer of each contest
  std::filesystem::path against;      ///< of the model to compare with: the second
};

/// A contest between two models' answers to a question.
struct model_contest {
  std::string id, category;  ///< of the question; the category is empty where it has none
  answer_contest contest;
};

/// The contests of the questions that both models answered, in the questions' order; answers are joined with
/// questions as join_answers does, which tells of each file what was left out. input_error with file and
/// line, also for a question without an image.
std::vector<model_contest> read_contests(const contest_files& files, const join_options& options,
                                         answer_join& answers, answer_join& against);

/// Shares of contests that the first model won, tied and lost, and wins with half of the ties, in %; over all
/// and by category. One verdict a contest.
figure_table contest_figures(std::span<const model_contest> contests,
                             std::span<const pairwise_verdict> verdicts);

/// How often a judge's two orders agreed, by what made them agree, and which place won where they did not
/// when the answers were shown whole; in %.
figure_table order_figures(const order_counts& counts);

/// {"question_id", "category", "winner": "answers" | "against" | "tie", "p_answers", "p_against"}
std::string verdict_line(const model_contest& contest, const pairwise_verdict& verdict);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/contests_impl.hpp>
#endif
