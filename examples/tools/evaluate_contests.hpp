// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// evaluate pairwise: two models' answers to the same questions, and which of them a judge who sees the
/// picture likes better.

#include <candor/eval/contests.hpp>
#include <candor/feedback/pairwise_model.hpp>
#include <candor/feedback/pairwise_orders.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/model/llava.hpp>
#include <candor/train/signals.hpp>

#include "tools/evaluation.hpp"
#include "tools/inference.hpp"
#include "tools/judge_options.hpp"

#include <algorithm>
#include <span>

namespace tools {

struct pairwise_options {
  candor::contest_files files;
  std::filesystem::path verdicts;
  judge_options judge;  ///< its URL may be a model's folder
  std::string dtype = "f32";
  candor::processor_options processor;
  int threads = 0;
  program::device_options device;
  std::string order = "both";
  int parts = 0;  ///< of PORTIA's split and merge; 0: none
};

/// A judge's verdicts, a few contests at a time, since their pictures are in memory.
template <candor::pairwise_judge Judge>
std::vector<candor::pairwise_verdict> compare_all(Judge& judge,
                                                  std::span<const candor::answer_contest> contests) {
  constexpr std::size_t together = 128;
  std::vector<candor::pairwise_verdict> verdicts;
  for (; !contests.empty(); contests = contests.subspan(std::min(together, contests.size()))) {
    candor::throw_if_stopped("judging");
    const auto some = judge.compare(contests.first(std::min(together, contests.size())));
    verdicts.insert(verdicts.end(), some.begin(), some.end());
  }
  return verdicts;
}

/// The verdicts in the order or orders asked for; with both, how often they agreed goes into `figures`.
template <candor::pairwise_judge Judge>
std::vector<candor::pairwise_verdict> verdicts_in_order(Judge& judge,
                                                        const std::vector<candor::answer_contest>& contests,
                                                        const pairwise_options& o,
                                                        std::vector<candor::figure_table>& figures) {
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

/// The verdicts of a server's model.
inline std::vector<candor::pairwise_verdict> ask_server(const std::vector<candor::answer_contest>& contests,
                                                        const pairwise_options& o, evaluation& out) {
  candor::remote_pairwise_judge judge(endpoint_of(o.judge), o.verdicts.string() + ".cache");
  auto verdicts = verdicts_in_order(judge, contests, o, out.figures);
  const auto& counts = judge.counts();
  out.remarks.push_back(candor::text(counts.asked, " questions asked of ", o.judge.model,
                                     " now; the verdicts are in ", o.verdicts.string()));
  if (counts.without_log_probs > 0)
    out.remarks.push_back(candor::text(counts.without_log_probs,
                                       " replies came without log-probs: their word counts, ",
                                       counts.unreadable, " of them were neither A nor B: ties"));
  return verdicts;
}

/// The verdicts of a model here.
inline std::vector<candor::pairwise_verdict> ask_model(const std::vector<candor::answer_contest>& contests,
                                                       const pairwise_options& o, evaluation& out) {
  std::vector<candor::pairwise_verdict> verdicts;
  with_element_type(o.dtype, [&](auto zero) {
    program::with_backend(o.device, o.threads, [&](auto& backend) {
      auto model = candor::load_llava<decltype(zero)>(backend, candor::llava_source{.model = o.judge.url},
                                                      o.processor);
      candor::model_pairwise_judge judge(model);
      verdicts = verdicts_in_order(judge, contests, o, out.figures);
    });
  });
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
  const bool served = o.judge.url.starts_with("http://") || o.judge.url.starts_with("https://");
  const auto said = served ? ask_server(asked, o, out) : ask_model(asked, o, out);
  std::vector<candor::pairwise_verdict> verdicts;  // equal answers tie
  std::string lines;
  for (std::size_t i = 0, next = 0; i < contests.size(); ++i) {
    const bool differ = contests[i].contest.first != contests[i].contest.second;
    verdicts.push_back(differ ? said[next++] : candor::pairwise_verdict{});
    lines += candor::verdict_line(contests[i], verdicts.back()) + "\n";
  }
  candor::write_atomically(o.verdicts, lines);
  out.figures.insert(out.figures.begin(), candor::contest_figures(contests, verdicts));
  if (asked.size() < contests.size())
    out.remarks.push_back(candor::text(contests.size() - asked.size(), " of ", contests.size(),
                                       " contests have twice the same answer: ties, not asked"));
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
  add_judge_options(*sub, pairwise.judge,
                    "who says the letter of the better answer: the model at a URL of OpenAI's chat "
                    "completions, or the LLaVA in a folder here")
      ->type_name("URL or FOLDER")
      ->required();
  sub->add_option("--dtype", pairwise.dtype, "of a judge here: weights and activations")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  sub->add_option("--template", pairwise.processor.chat_template,
                  "of a judge here: auto (the folder's own), vicuna_v1, llava_v1 or llava_hf")
      ->capture_default_str();
  sub->add_option("--threads", pairwise.threads, "of a judge here; 0: one for each core")
      ->check(CLI::NonNegativeNumber);
  program::add_device_options(*sub, pairwise.device);
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
