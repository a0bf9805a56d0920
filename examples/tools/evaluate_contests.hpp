// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate pairwise: two models' answers to the same questions, and which of them a judge who sees the
/// picture likes better.

#include <candor/eval/contests.hpp>
#include <candor/feedback/pairwise_orders.hpp>
#include <candor/feedback/remote_judge.hpp>

#include "tools/evaluation.hpp"
#include "tools/judge_options.hpp"

#include <algorithm>
#include <span>

namespace tools {

struct pairwise_options {
  candor::contest_files files;
  std::filesystem::path verdicts;
  judge_options judge;
  std::string order = "both";
  int parts = 0;  ///< of PORTIA's split and merge; 0: none
};

/// A judge's verdicts, a few contests at a time: the requests of each hold its picture.
template <candor::pairwise_judge Judge>
std::vector<candor::pairwise_verdict> compare_all(Judge& judge,
                                                  std::span<const candor::answer_contest> contests) {
  constexpr std::size_t together = 128;
  std::vector<candor::pairwise_verdict> verdicts;
  for (; !contests.empty(); contests = contests.subspan(std::min(together, contests.size()))) {
    const auto some = judge.compare(contests.first(std::min(together, contests.size())));
    verdicts.insert(verdicts.end(), some.begin(), some.end());
  }
  return verdicts;
}

/// The verdicts in the order or orders asked for; with both, how often they agreed goes into `figures`.
inline std::vector<candor::pairwise_verdict> verdicts_in_order(
    candor::remote_pairwise_judge& judge, const std::vector<candor::answer_contest>& contests,
    const pairwise_options& o, std::vector<candor::figure_table>& figures) {
  const auto mended = [&](auto ordered) {
    auto verdicts = compare_all(ordered, contests);
    figures.push_back(candor::order_figures(ordered.counts()));
    return verdicts;
  };
  if (o.order == "both")
    return o.parts > 0 ? mended(candor::split_and_merge(judge, {.parts = o.parts}))
                       : mended(candor::both_orders(judge));
  if (o.order == "given") return compare_all(judge, contests);
  std::vector<candor::answer_contest> turned;
  for (const auto& contest : contests) turned.push_back(candor::swapped(contest));
  auto verdicts = compare_all(judge, turned);
  for (auto& verdict : verdicts) verdict = candor::swapped(verdict);
  return verdicts;
}

inline evaluation evaluate_pairwise(const pairwise_options& o, const evaluate_options& all) {
  candor::require<candor::usage_error>(
      o.parts == 0 || (o.parts > 1 && o.order == "both"), "--portia ", o.parts, " with --judge-order ",
      o.order, ": answers are cut into two parts or more, and where both orders disagree");
  evaluation out;
  candor::answer_join answers, against;
  const auto contests = candor::read_contests(o.files, all.join, answers, against);
  add_remarks(out, answers, o.files.answers.string());
  add_remarks(out, against, o.files.against.string());
  std::vector<candor::answer_contest> asked;  // those whose answers differ
  for (const auto& c : contests)
    if (c.contest.first != c.contest.second) asked.push_back(c.contest);
  candor::remote_pairwise_judge judge(endpoint_of(o.judge), o.verdicts.string() + ".cache");
  const auto said = verdicts_in_order(judge, asked, o, out.figures);
  std::vector<candor::pairwise_verdict> verdicts;  // equal answers tie
  std::string lines;
  for (std::size_t i = 0, next = 0; i < contests.size(); ++i) {
    const bool differ = contests[i].contest.first != contests[i].contest.second;
    verdicts.push_back(differ ? said[next++] : candor::pairwise_verdict{});
    lines += candor::verdict_line(contests[i], verdicts.back()) + "\n";
  }
  candor::write_atomically(o.verdicts, lines);
  out.figures.insert(out.figures.begin(), candor::contest_figures(contests, verdicts));
  const auto& counts = judge.counts();
  out.remarks.push_back(candor::text(counts.asked, " questions asked of ", o.judge.model,
                                     " now; the verdicts are in ", o.verdicts.string()));
  if (asked.size() < contests.size())
    out.remarks.push_back(candor::text(contests.size() - asked.size(), " of ", contests.size(),
                                       " contests have twice the same answer: ties, not asked"));
  if (counts.without_log_probs > 0)
    out.remarks.push_back(candor::text(counts.without_log_probs,
                                       " replies came without log-probs: their word counts, ",
                                       counts.unreadable, " of them were neither A nor B: ties"));
  return out;
}

inline void add_pairwise(CLI::App& app, evaluate_options& o, evaluation_work& work,
                         pairwise_options& pairwise) {
  auto* sub = benchmark(
      app, "pairwise", "two models' answers: which one a judge who sees the picture likes better",
      "--questions questions.jsonl --images images --answers aligned.jsonl --against base.jsonl \\\n"
      "    --judge http://localhost:8000/v1/chat/completions --judge-model NAME --verdicts verdicts.jsonl",
      o);
  auto& files = pairwise.files;
  sub->add_option("--questions", files.questions,
                  "image, question (or text) and, where there is one, category; question_id or id")
      ->required();
  sub->add_option("--images", files.images, "folder that image names start from (default: the questions')");
  sub->add_option("--answers", files.answers,
                  "a model's answers, joined by id; or `generate`'s output, line by line")
      ->required();
  sub->add_option("--against", files.against, "the other model's, in the same form")->required();
  add_judge_options(*sub, pairwise.judge, "ask the model there for the letter of the better answer")
      ->required();
  sub->add_option("--judge-order", pairwise.order,
                  "which answer the judge reads first: given (that of --answers), swapped, or both, where a "
                  "contest that the orders decide differently is a tie")
      ->check(CLI::IsMember({"given", "swapped", "both"}))
      ->capture_default_str();
  sub->add_option("--portia", pairwise.parts,
                  "where both orders disagree, ask again with the answers in so many parts, shown in turns "
                  "(PORTIA, arXiv 2310.01432, takes 3); 0: do not")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_option("--verdicts", pairwise.verdicts, "file to write: who won, a line a contest")->required();
  sub->callback([&] { work = [&] { return evaluate_pairwise(pairwise, o); }; });
}

}  // namespace tools
