// SPDX-License-Identifier: Apache-2.0
// What rlaif_v's verdicts.jsonl say: a labeler's verdicts on claims of samples, and on the greedy answers to
// --questions of the first model and of each round's.
#include <candor/core/error.hpp>
#include <candor/eval/figures.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_files.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace report {
namespace {

namespace fs = std::filesystem;
using candor::claim_verdict;
using candor::detail::json_field;

/// A line: an answer with its claims and what the labeler thinks of each.
struct judged_answer {
  std::string image, question;
  candor::report_answer answer;
  bool finished = true;

  /// The same picture and question.
  std::string key() const { return image + "\n" + question; }
  std::ptrdiff_t claims(claim_verdict verdict) const {
    return std::count_if(answer.claims.begin(), answer.claims.end(),
                         [&](const auto& c) { return c.verdict == verdict; });
  }
};

judged_answer read_answer(const json_field& record) {
  judged_answer out{
      record["image_path"].string(),
      record["raw_question"].string(),
      {"answer " + candor::text(record.integer_or("question_id", 0)), record["answer"].string(), {}, {}},
      record.boolean_or("finished", true)};
  const auto facts = record.find("facts"), scores = record.find("scores");
  if (!facts || !scores) return out;  // an answer without claims
  const auto claims = facts->items(), verdicts = scores->items();
  for (std::size_t i = 0; i < std::min(claims.size(), verdicts.size()); ++i) {
    const double yes = verdicts[i].number_or("yes", 0), no = verdicts[i].number_or("no", 0);
    out.answer.claims.push_back({claims[i].string(), yes > no   ? claim_verdict::right
                                                     : no > yes ? claim_verdict::wrong
                                                                : claim_verdict::unsure});
  }
  return out;
}

std::vector<judged_answer> read_answers(const fs::path& file) {
  std::vector<judged_answer> out;
  for_lines(file, [&](const json_field& record) {
    out.push_back(read_answer(record));
    return true;
  });
  return out;
}

fs::path before_of(const run_files& files) { return files.inner / "before/verdicts.jsonl"; }
fs::path after_of(const fs::path& round) { return round / "evaluation/verdicts.jsonl"; }

candor::report_stage stage_of(const std::string& name, const std::vector<judged_answer>& answers) {
  double claims = 0, wrong = 0, with_wrong = 0, cut = 0;
  for (const auto& a : answers) {
    claims += static_cast<double>(a.answer.claims.size());
    const auto unconfirmed =
        static_cast<std::ptrdiff_t>(a.answer.claims.size()) - a.claims(claim_verdict::right);
    wrong += static_cast<double>(unconfirmed);
    with_wrong += unconfirmed > 0;
    cut += !a.finished;
  }
  const auto count = static_cast<double>(answers.size());
  return {name,
          {{"claims the first model does not confirm, %", 100 * candor::share_of(wrong, claims),
            candor::better::lower},
           {"answers with one, %", 100 * candor::share_of(with_wrong, count), candor::better::lower},
           {"claims an answer", candor::share_of(claims, count), candor::better::neither},
           {"cut off by length, %", 100 * candor::share_of(cut, count), candor::better::neither}}};
}

/// Of each instruction the answer with the fewest claims that were not confirmed, and the one with the most.
std::vector<candor::report_picture> best_and_worst(const fs::path& file, const fs::path& images, int count) {
  std::vector<candor::report_picture> out;
  std::vector<judged_answer> of_picture;
  const auto finish = [&] {
    if (of_picture.empty()) return;
    const auto [best, worst] =
        std::minmax_element(of_picture.begin(), of_picture.end(), [](const auto& a, const auto& b) {
          return a.claims(claim_verdict::wrong) < b.claims(claim_verdict::wrong);
        });
    out.push_back({picture_bytes(images, best->image), best->question, {best->answer}});
    if (best->answer.text != worst->answer.text) out.back().answers.push_back(worst->answer);
    of_picture.clear();
  };
  if (count > 0)
    for_lines(file, [&](const json_field& record) {
      auto next = read_answer(record);
      if (!of_picture.empty() && of_picture.front().key() != next.key()) finish();
      if (static_cast<int>(out.size()) == count) return false;
      of_picture.push_back(std::move(next));
      return true;
    });
  finish();
  return out;
}

}  // namespace

std::vector<candor::report_stage> read_answer_stages(const run_files& files) {
  std::vector<candor::report_stage> out;
  if (!fs::exists(before_of(files))) return out;
  out.push_back(stage_of("before", read_answers(before_of(files))));
  for (const auto& round : files.rounds)
    if (fs::exists(after_of(round)))
      out.push_back(stage_of(round.filename().string(), read_answers(after_of(round))));
  return out;
}

std::vector<candor::report_picture> read_compared(const run_files& files, int count) {
  std::vector<candor::report_picture> out;
  const auto last = std::find_if(files.rounds.rbegin(), files.rounds.rend(),
                                 [](const auto& round) { return fs::exists(after_of(round)); });
  if (last == files.rounds.rend() || !fs::exists(before_of(files))) return out;
  std::unordered_map<std::string, judged_answer> aligned;
  for (auto& answer : read_answers(after_of(*last))) aligned.try_emplace(answer.key(), std::move(answer));
  std::vector<std::pair<judged_answer, judged_answer>> both;
  for (auto& before : read_answers(before_of(files)))
    if (const auto after = aligned.find(before.key()); after != aligned.end())
      both.emplace_back(std::move(before), after->second);
  const auto shown = std::min(both.size(), static_cast<std::size_t>(count));
  for (std::size_t n = 0; n < shown; ++n) {  // from all over the file
    auto& [before, after] = both[n * both.size() / shown];
    before.answer.label = "base";
    after.answer.label = "aligned, " + last->filename().string();
    out.push_back({picture_bytes(files.images, before.image),
                   before.question,
                   {std::move(before.answer), std::move(after.answer)}});
  }
  return out;
}

std::vector<candor::report_picture> read_labelled(const run_files& files, int count) {
  const auto last = std::find_if(files.rounds.rbegin(), files.rounds.rend(),
                                 [](const auto& round) { return fs::exists(round / "verdicts.jsonl"); });
  if (last == files.rounds.rend()) return {};
  auto out = best_and_worst(*last / "verdicts.jsonl", files.images, count);
  for (auto& picture : out)
    picture.question += " (" + last->filename().string() + ": claims as the labeler judged them)";
  return out;
}

}  // namespace report
