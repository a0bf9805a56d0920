// SPDX-License-Identifier: Apache-2.0
#include "rlaif_v/pipeline.hpp"

#include <candor/data/record_file.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/text/sentences.hpp>
#include <candor/train/run_folder.hpp>

#include "rlaif_v/rows.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace rlaif_v {

answer_figures evaluate_answers(const settings& given, const training::options& o,
                                const std::filesystem::path& folder, const std::filesystem::path& model,
                                const std::filesystem::path& judge) {
  settings s = given;
  s.samples = 1;
  s.temperature = 0;
  s.instructions = 0;
  s.judge = judge.string();
  s.contrast.alpha = 0;
  s.sampler.clear();
  training::options files = o;
  files.data = s.questions;
  const round_context r{.s = s, .o = files, .folder = folder, .policy = model};
  for (const char* stage : {"generate", "split", "ask", "judge"}) run_stage(r, stage);
  const candor::record_file judged(r.file("judge"));
  answer_figures out;
  for (const auto& row : read_rows(judged, 0, judged.size())) {
    ++out.answers;
    out.without_claims += row.verdicts.empty();
    out.unfinished += !row.finished;
    out.claims += static_cast<std::int64_t>(row.verdicts.size());
    out.confirmed +=
        std::count_if(row.verdicts.begin(), row.verdicts.end(), [](const auto& v) { return v.confirmed(); });
    for (const auto& word : candor::split_words(row.answer)) out.words += !word.mark;
  }
  return out;
}

run_report run_rounds(const settings& s, const training::options& given,
                      const std::vector<std::string>& stages, bool world) {
  const candor::run_folder root(given.output, !given.fit.resume.empty());
  for (const auto& [name, content] : given.fit.documents)
    candor::write_atomically(given.output / name, content);
  training::options o = given;
  if (world) {
    prepare_world(o.output, s);
    o.data = o.output / "data" / "instructions.jsonl";
    o.images = o.output / "data" / "images";
  } else if (o.images.empty()) {
    o.images = o.data.parent_path();
  }
  o.images = std::filesystem::absolute(o.images).lexically_normal();
  const auto asked = [&](std::string_view stage) {
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
  };

  run_report report;
  if (!s.questions.empty() && asked("evaluate"))
    report.before = evaluate_answers(s, o, o.output / "before", o.model, o.model);
  std::filesystem::path policy = o.model;
  for (int number = 1; number <= s.rounds; ++number) {
    const auto begin = std::chrono::steady_clock::now();
    const round_context round{.s = s,
                              .o = o,
                              .number = number,
                              .folder = o.output / candor::text("round-", number),
                              .policy = policy};
    const auto first = std::find_if(stage_names.begin(), stage_names.end(), asked);
    if (number > 1 && first != stage_names.end() && !can_run(round, *first))
      return report;  // a stage alone: it ends here
    for (const auto stage : stage_names)
      if (stage != "evaluate" && asked(stage) && !(stage == "train" && is_without_pairs(round)))
        run_stage(round, stage);
    round_report done;
    done.number = number;
    if (is_without_pairs(round)) {
      std::fprintf(stderr, "warning: round %d found no pair and trains nothing; the rounds end with %s\n",
                   number, policy.c_str());
      done.pairs = read_summary(round);
      report.without_pairs = std::move(done);
      break;
    }
    policy = round.file("train");
    if (!std::filesystem::exists(policy)) return report;
    done.pairs = read_summary(round);
    if (world && asked("evaluate")) done.scenes = evaluate_round(round, o.model);
    if (!s.questions.empty() && asked("evaluate"))
      done.answers = evaluate_answers(s, o, round.folder / "evaluation", policy, o.model);
    done.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    report.rounds.push_back(std::move(done));
  }
  report.saved = policy;
  report.complete = true;
  return report;
}

}  // namespace rlaif_v
