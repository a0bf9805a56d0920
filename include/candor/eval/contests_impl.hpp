// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of contests.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/categories_impl.hpp>
#include <candor/eval/contests.hpp>
#include <candor/eval/judged_questions.hpp>
#include <candor/io/json_impl.hpp>

namespace CANDOR_NS {

CANDOR_INLINE std::vector<model_contest> read_contests(const contest_files& files,
                                                       const join_options& options, answer_join& answers,
                                                       answer_join& against) {
  // The form that asks for a question alone.
  const auto questions = read_judged_questions(
      judged_benchmark::deceptive,
      {.questions = files.questions,
       .images =
           files.images.empty() ? (files.questions.parent_path() / ".").lexically_normal() : files.images});
  std::vector<std::string> ids;
  for (const auto& question : questions) ids.push_back(question.id);
  const auto joined = [&](const std::filesystem::path& file, answer_join& join) {
    auto said = read_answers(file, {"question_id", "id", "image_id"});
    join = join_answers(ids, said, files.questions.string(), file, options);
    return said;
  };
  const auto first = joined(files.answers, answers), second = joined(files.against, against);
  std::vector<model_contest> out;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const auto a = answers.answer_of[q], b = against.answer_of[q];
    if (a < 0 || b < 0) continue;
    out.push_back({questions[q].id,
                   questions[q].category,
                   {questions[q].images,
                    questions[q].question,
                    {first[static_cast<std::size_t>(a)].text},
                    {second[static_cast<std::size_t>(b)].text},
                    questions[q].source}});
  }
  return out;
}

CANDOR_INLINE figure_table contest_figures(std::span<const model_contest> contests,
                                           std::span<const pairwise_verdict> verdicts) {
  require<usage_error>(contests.size() == verdicts.size(), "[contest_figures] ", verdicts.size(),
                       " verdicts on ", contests.size(), " contests; expected one each");
  detail::by_category<winner> won;
  for (std::size_t i = 0; i < contests.size(); ++i) won.add(contests[i].category, verdicts[i].better());
  figure_table out{"Contests", {{"win %", 1}, {"tie %", 1}, {"lose %", 1}, {"win + tie/2 %", 1}}, {}};
  won.fill(out, [](const std::vector<winner>& w) {
    const auto share = [&](winner who) {
      return 100 * detail::mean_of(w, [=](winner one) { return one == who ? 1 : 0; });
    };
    const double win = share(winner::first), tie = share(winner::tie);
    return std::vector<double>{win, tie, share(winner::second), win + tie / 2};
  });
  return out;
}

CANDOR_INLINE figure_table order_figures(const order_counts& counts) {
  const auto share = [&](std::int64_t part) {
    return 100 * share_of(static_cast<double>(part), static_cast<double>(counts.contests));
  };
  return {"Both orders",
          {{"agree %", 1},
           {"whole %", 1},
           {"in equal parts %", 1},
           {"in like parts %", 1},
           {"first place won %", 1},
           {"second place won %", 1}},
          {{"all",
            counts.contests,
            {share(counts.consistent()), share(counts.whole), share(counts.by_length), share(counts.by_words),
             share(counts.first_preferred), share(counts.second_preferred)}}}};
}

CANDOR_INLINE std::string verdict_line(const model_contest& contest, const pairwise_verdict& verdict) {
  const auto better = verdict.better();
  return nlohmann::ordered_json{{"question_id", contest.id},
                                {"category", contest.category},
                                {"winner", better == winner::first    ? "answers"
                                           : better == winner::second ? "against"
                                                                      : "tie"},
                                {"p_answers", verdict.first},
                                {"p_against", verdict.second}}
      .dump(-1, ' ', false, detail::json::error_handler_t::replace);
}

}  // namespace CANDOR_NS
