// SPDX-License-Identifier: Apache-2.0
// Figures, pictures and pairs of a run folder.
#include <candor/core/error.hpp>
#include <candor/data/preference_data.hpp>
#include <candor/eval/figures.hpp>
#include <candor/io/json_field_impl.hpp>

#include "report/run_files.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

namespace report {
namespace {

namespace fs = std::filesystem;
using candor::claim_verdict;
using candor::detail::json_field;

claim_verdict verdict_of(const json_field& verdict) {
  if (verdict.string() == "right") return claim_verdict::right;
  if (verdict.string() == "wrong") return claim_verdict::wrong;
  if (verdict.string() == "unsure") return claim_verdict::unsure;
  verdict.refuse("expected right, wrong or unsure");
}

candor::report_stage stage_of(const json_field& record) {
  candor::report_stage out{record["stage"].string(), {}};
  for (const auto& figure : record["figures"].items()) {
    const std::string is = figure.string_or("better", "neither");
    out.figures.push_back({figure["name"].string(), figure["value"].number(),
                           is == "lower"    ? candor::better::lower
                           : is == "higher" ? candor::better::higher
                                            : candor::better::neither});
  }
  return out;
}

/// What rlaif_v counts on held-out scenes: captions, mentions, hallucinated ones, captions with one, objects,
/// right colours, words.
std::optional<candor::report_stage> stage_of_round(const fs::path& round) {
  const auto file = round / "evaluation.json";
  if (!fs::exists(file)) return std::nullopt;
  const auto document = candor::detail::read_json_file(file);
  const json_field all(document, file.string());
  const auto counts = all.find("greedy");
  if (!counts) return std::nullopt;
  std::vector<double> n;
  for (const auto& item : counts->items()) n.push_back(item.number(0));
  if (n.size() < 5)
    counts->refuse("expected counts of captions, mentions, hallucinated ones, captions with one, objects");
  candor::report_stage out{
      round.filename().string(),
      {{"mentions that are lies, %", 100 * candor::share_of(n[2], n[1]), candor::better::lower},
       {"captions with a lie, %", 100 * candor::share_of(n[3], n[0]), candor::better::lower},
       {"recall, %", 100 * candor::share_of(n[1] - n[2], n[4]), candor::better::higher}}};
  if (const auto right = all.find("labels_right"))
    out.figures.push_back({"labels right, %", right->number(), candor::better::higher});
  return out;
}

/// Marks what differs between two answers, where most of them is the same.
void mark_difference(candor::report_answer& chosen, candor::report_answer& rejected) {
  const auto words = [](const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
  };
  const auto a = words(chosen.text), b = words(rejected.text);
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t front = 0, back = 0;
  while (front < most && a[front] == b[front]) ++front;
  while (back < most - front && a[a.size() - 1 - back] == b[b.size() - 1 - back]) ++back;
  if (2 * (front + back) < most) return;
  const auto middle = [&](const std::vector<std::string>& all) {
    std::string out;
    for (std::size_t i = front; i + back < all.size(); ++i) out += (out.empty() ? "" : " ") + all[i];
    return out;
  };
  if (const auto part = middle(a); !part.empty()) chosen.claims.push_back({part, claim_verdict::right});
  if (const auto part = middle(b); !part.empty()) rejected.claims.push_back({part, claim_verdict::wrong});
}

/// The scores and verdicts that RLAIF-V's pairs carry in `org_infos`.
void add_scores(candor::report_answer& answer, const json_field& record, const char* which) {
  const auto infos = record.find("org_infos");
  const auto scores = infos && infos->value().is_object() ? infos->find("scores") : std::nullopt;
  const auto mine = scores ? scores->find(which) : std::nullopt;
  if (!mine) return;
  if (const auto score = mine->find("score")) answer.score = score->number();
  const auto judge = mine->find("judge");
  if (!judge || !judge->value().is_object()) return;
  for (const auto& [question, verdict] : judge->value().items())
    answer.claims.push_back({question, verdict == "1"   ? claim_verdict::right
                                       : verdict == "0" ? claim_verdict::wrong
                                                        : claim_verdict::unsure});
}

}  // namespace

void read_stages(candor::report& out, const run_files& files) {
  if (const auto file = files.folder / "figures.jsonl"; fs::exists(file))
    return for_lines(file, [&](const json_field& record) {
      out.stages.push_back(stage_of(record));
      out.stages_beside = record.boolean_or("beside", false);
      return true;
    });
  for (const auto& round : files.rounds)
    if (auto stage = stage_of_round(round)) out.stages.push_back(std::move(*stage));
  if (out.stages.empty()) out.stages = read_answer_stages(files);
}

std::vector<candor::report_picture> read_gallery(const run_files& files, const run_options& options) {
  std::vector<candor::report_picture> out;
  if (const auto file = files.folder / "gallery.jsonl"; options.pictures > 0 && fs::exists(file))
    for_lines(file, [&](const json_field& record) {
      candor::report_picture picture{
          picture_bytes(files.folder, record.string_or("image", "")), record.string_or("question", ""), {}};
      for (const auto& item : record["answers"].items()) {
        candor::report_answer answer{item["label"].string(), item["text"].string(), {}, {}};
        if (const auto claims = item.find("claims"))
          for (const auto& claim : claims->items())
            answer.claims.push_back({claim["text"].string(), verdict_of(claim["verdict"])});
        picture.answers.push_back(std::move(answer));
      }
      out.push_back(std::move(picture));
      return static_cast<int>(out.size()) < options.pictures;
    });
  if (out.empty()) out = read_compared(files, options.pictures);
  // What the labeler of the last round thought comes behind, or alone.
  const int wanted = out.empty() ? options.pictures : (options.pictures + 1) / 2;
  for (auto& picture : read_labelled(files, wanted)) out.push_back(std::move(picture));
  return out;
}

void read_pairs(candor::report& out, const run_files& files, const run_options& options) {
  fs::path file = options.data;
  for (auto round = files.rounds.rbegin(); file.empty() && round != files.rounds.rend(); ++round)
    if (fs::exists(*round / "pairs.jsonl")) file = *round / "pairs.jsonl";
  if (file.empty() && fs::exists(files.inner / "data/pairs.jsonl")) file = files.inner / "data/pairs.jsonl";
  if (const auto named = files.options.find("data"); file.empty() && named != files.options.end())
    file = named->second;
  if (file.empty()) return;
  if (!fs::exists(file)) {
    out.notes.push_back("No pairs: " + file.string() + " is not there any more.");
    return;
  }
  const candor::preference_data data(file, {.images = files.images});
  std::optional<candor::record_file> lines;  // for the scores, which preference_data does not read
  if (file.extension() == ".jsonl") lines.emplace(file);
  const std::int64_t count = std::min<std::int64_t>(options.pairs, data.size());
  for (std::int64_t n = 0; n < count; ++n) {
    const std::int64_t i = n * data.size() / count;
    const auto record = data.record(i);
    candor::report_answer chosen{"chosen", record.chosen, {}, {}},
        rejected{"rejected", record.rejected, {}, {}};
    if (lines && lines->size() == data.size()) {
      const auto document = candor::detail::parse_json(lines->read(i), {.file = file.string()});
      const json_field line(document, lines->source(i));
      add_scores(chosen, line, "chosen");
      add_scores(rejected, line, "rejected");
    }
    if (chosen.claims.empty() && rejected.claims.empty()) mark_difference(chosen, rejected);
    std::string image;
    if (!record.images.empty()) image = record.images[0].read();
    if (image.size() > (4u << 20)) image.clear();
    out.pairs.push_back({std::move(image), record.question, {std::move(chosen), std::move(rejected)}});
  }
  out.pairs_note = candor::text(count, " of ", data.size(), " pairs of ", file.string());
}

}  // namespace report
