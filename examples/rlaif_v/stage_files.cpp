// SPDX-License-Identifier: Apache-2.0
/// Files of a round, and stages that need no model: claims by rules, questions by rules, pairs.
#include <candor/core/fingerprint.hpp>
#include <candor/data/record_file.hpp>
#include <candor/feedback/claims.hpp>
#include <candor/feedback/prompted.hpp>
#include <candor/feedback/questions.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/line_log.hpp>
#include <candor/train/signals.hpp>

#include "rlaif_v/rows.hpp"
#include "rlaif_v/stages.hpp"
#include "training/made_with.hpp"

#include <algorithm>
#include <cstdio>

namespace rlaif_v {
namespace {

using candor::text;
using candor::detail::json;

/// Rows that are worked on at once: less where each costs a request.
std::int64_t rows_together(const settings& s) { return s.splitter == "rules" ? 1000 : 32; }

/// Rewrites the rows of a file in batches.
template <class Change>
void change_rows(const std::filesystem::path& from, const std::filesystem::path& to, std::int64_t together,
                 Change change) {
  const candor::record_file input(from);
  candor::line_log output(to, together);
  while (output.lines() < input.size()) {
    candor::throw_if_stopped("dividing answers");
    auto rows = read_rows(input, output.lines(), std::min(together, input.size() - output.lines()));
    change(rows);
    std::string lines;
    for (const auto& row : rows) lines += line_of(row);
    output.append(lines);
  }
  output.commit();
}

}  // namespace

std::filesystem::path round_context::file(std::string_view stage) const {
  if (stage == "generate") return folder / "candidates.jsonl";
  if (stage == "split") return folder / "claims.jsonl";
  if (stage == "ask") return folder / "questions.jsonl";
  if (stage == "judge") return folder / "verdicts.jsonl";
  if (stage == "pair") return folder / "pairs.jsonl";
  if (stage == "train") return folder / "run" / "model";
  return folder / "evaluation.json";
}

std::filesystem::path round_context::note(std::string_view stage) const {
  return folder / "made_with" / text(stage, ".json");
}

void claim_stage(const round_context& r, std::string_view stage, candor::run_config made_with,
                 const std::filesystem::path& input) {
  made_with.add("content of " + input.filename().string(), candor::hash_file(input));
  training::claim(r.note(stage), made_with, r.file(stage).string(),
                  text("give what it was made with, or remove the round's folder ", r.folder.string(),
                       " and later ones"));
}

namespace {

candor::run_config splitter_note(const round_context& r) {
  const auto& s = r.s;
  candor::run_config note;
  note.add("splitter", s.splitter_model.empty() ? s.splitter : s.splitter_model);
  if (s.splitter != "rules" && s.splitter_model.empty())
    training::add_model(note, s.splitter == "policy" ? r.policy : std::filesystem::path(s.splitter), r.o);
  return note;
}

/// Rewrites the rows of r's file of `from` into its file of `to`: change(rows, by), where `by` is the
/// language model of
/// --splitter, or null where rules do it.
template <class Change>
void change_rows_by(const round_context& r, std::string_view from, std::string_view to, Change change) {
  claim_stage(r, to, splitter_note(r), r.file(from));
  const candor::stop_signals signals;
  const auto work = [&](const completer* by) {
    change_rows(r.file(from), r.file(to), rows_together(r.s),
                [&](std::vector<answer_row>& rows) { change(rows, by); });
  };
  if (r.s.splitter == "rules") return work(nullptr);
  with_language_model(r, [&](const completer& by) { work(&by); });
}

}  // namespace

candor::endpoint_options endpoint(const std::string& url, const std::string& model, const settings& s) {
  candor::endpoint_options o{.url = url, .model = model};
  o.http.in_flight = s.in_flight;
  o.http.poll = [] { candor::throw_if_stopped("waiting for the server"); };
  return o;
}

void split(const round_context& r) {
  change_rows_by(r, "generate", "split", [](std::vector<answer_row>& rows, const completer* by) {
    std::vector<candor::answered> answers;
    for (const auto& row : rows) answers.push_back({row.question, row.answer});
    auto claims = by == nullptr ? candor::rule_splitter{}.split(answers)
                                : candor::prompted_splitter(*by).split(answers);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].claims = std::move(claims[i]);
  });
}

void ask(const round_context& r) {
  change_rows_by(r, "split", "ask", [](std::vector<answer_row>& rows, const completer* by) {
    if (by == nullptr) {
      for (auto& row : rows) row.questions = candor::rule_questioner{}.ask(row.claims);
      return;
    }
    std::vector<std::vector<std::string>> claims;
    for (const auto& row : rows) claims.push_back(row.claims);
    auto questions = candor::prompted_questioner(*by).ask_each(claims);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].questions = std::move(questions[i]);
  });
}

namespace {

/// The groups of answers to an instruction, and the rows behind them.
struct judged_file {
  std::vector<answer_row> rows;
  std::vector<candor::answer_group> groups;
  std::vector<std::size_t> first_row;  ///< of each group
};

judged_file read_judged(const std::filesystem::path& path) {
  const candor::record_file file(path);
  judged_file out;
  out.rows = read_rows(file, 0, file.size());
  for (std::size_t i = 0; i < out.rows.size(); ++i) {
    const auto& row = out.rows[i];
    if (i == 0 || !same_instruction(out.rows[i - 1], row)) {
      out.groups.push_back({row.ds_question_id, {}});
      out.first_row.push_back(i);
    }
    out.groups.back().answers.push_back({row.answer, row.questions, row.verdicts});
  }
  return out;
}

std::string pair_lines(const judged_file& judged, const candor::pair_selection& made,
                       candor::score_rule rule) {
  std::string lines;
  for (const auto& p : made.pairs) {
    const auto& group = judged.groups[p.group];
    const auto& chosen = judged.rows[judged.first_row[p.group] + p.chosen];
    const auto& rejected = judged.rows[judged.first_row[p.group] + p.rejected];
    const auto side = [&](std::size_t a) {
      const auto& answer = group.answers[a];
      nlohmann::ordered_json judge = nlohmann::ordered_json::object();
      for (std::size_t q = 0; q < answer.questions.size(); ++q)
        judge[answer.questions[q]] = answer.verdicts[q].confirmed() ? "1" : "0";
      return nlohmann::ordered_json{{"judge", judge},
                                    {"score", candor::response_score(answer.verdicts, rule)}};
    };
    const nlohmann::ordered_json line{
        {"idx", text(chosen.question_id, "-", rejected.question_id)},
        {"image_path", chosen.image_path},
        {"ds_question_id", chosen.ds_question_id},
        {"question", chosen.question},
        {"chosen", chosen.answer},
        {"rejected", rejected.answer},
        {"org_infos", {{"scores", {{"chosen", side(p.chosen)}, {"rejected", side(p.rejected)}}}}}};
    lines += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace

void pair(const round_context& r) {
  const auto& o = r.s.pairs;
  candor::run_config made_with;
  made_with.add("score", r.s.score);
  made_with.add("min-gap", o.min_gap);
  made_with.add("pairs-per-id", o.max_per_id);
  made_with.add("drop-repeated", o.drop_repeated);
  made_with.add("balance-lengths", o.balance_lengths);
  made_with.add("seed", o.seed);
  claim_stage(r, "pair", made_with, r.file("judge"));
  const auto judged = read_judged(r.file("judge"));
  const auto made = candor::select_pairs(judged.groups, o);
  std::int64_t unfinished = 0, claims = 0, confirmed = 0;
  for (const auto& row : judged.rows) {
    unfinished += !row.finished;
    claims += static_cast<std::int64_t>(row.verdicts.size());
    confirmed +=
        std::count_if(row.verdicts.begin(), row.verdicts.end(), [](const auto& v) { return v.confirmed(); });
  }
  candor::detail::write_json_file(r.folder / "pairs.summary.json",
                                  json{{"instructions", judged.groups.size()},
                                       {"answers", judged.rows.size()},
                                       {"unfinished", unfinished},
                                       {"without_claims", made.without_claims},
                                       {"claims", claims},
                                       {"confirmed", confirmed},
                                       {"groups_without_pair", made.groups_without_pair},
                                       {"ordered", made.ordered},
                                       {"repeated", made.repeated},
                                       {"beyond_maximum", made.beyond_maximum},
                                       {"unbalanced", made.unbalanced},
                                       {"longest_shortening", made.longest_shortening},
                                       {"pairs", made.pairs.size()}});
  candor::write_atomically(r.file("pair"), pair_lines(judged, made, o.rule));
  if (!made.pairs.empty()) return;
  std::fprintf(stderr,
               "warning: no pair comes out of %s: of %zu answers to %zu instructions %zu make no claim, %zu "
               "instructions have answers that all score the same or too near, %zu pairs repeat a claim and "
               "%zu differ in length. More --samples or a higher --temperature give answers that differ; "
               "--balance-lengths false and --drop-repeated false keep more pairs\n",
               r.file("judge").c_str(), judged.rows.size(), judged.groups.size(), made.without_claims,
               made.groups_without_pair, made.repeated, made.unbalanced);
}

bool is_without_pairs(const round_context& r) {
  const auto pairs = r.file("pair");
  return std::filesystem::exists(pairs) && std::filesystem::file_size(pairs) == 0;
}

pair_summary read_summary(const round_context& r) {
  const auto path = r.folder / "pairs.summary.json";
  const json document = candor::detail::read_json_file(path);
  const candor::detail::json_field f(document, path.string());
  return {f["instructions"].integer(0),   f["answers"].integer(0), f["unfinished"].integer(0),
          f["without_claims"].integer(0), f["claims"].integer(0),  f["confirmed"].integer(0),
          f["pairs"].integer(0)};
}

namespace {

/// The stage whose file a stage reads; empty for the first one.
std::string_view stage_before(std::string_view stage) {
  const auto at = std::find(stage_names.begin(), stage_names.end(), stage);
  return at == stage_names.begin() ? std::string_view() : *(at - 1);
}

}  // namespace

bool can_run(const round_context& r, std::string_view stage) {
  const auto before = stage_before(stage);
  return before.empty() || std::filesystem::exists(r.file(before)) || std::filesystem::exists(r.file(stage));
}

void run_stage(const round_context& r, std::string_view stage) {
  if (std::filesystem::exists(r.file(stage))) return;
  const auto before = stage_before(stage);
  candor::require<candor::usage_error>(can_run(r, stage), "the stage ", stage, " of round ", r.number,
                                       " reads ", r.file(before).string(),
                                       ", which is not there; run the stage ", before, " first");
  std::filesystem::create_directories(r.folder);
  if (stage == "generate") return generate(r);
  if (stage == "split") return split(r);
  if (stage == "ask") return ask(r);
  if (stage == "judge") return judge(r);
  if (stage == "pair") return pair(r);
  train(r);
}

}  // namespace rlaif_v
