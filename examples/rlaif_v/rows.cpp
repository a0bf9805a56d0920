// SPDX-License-Identifier: Apache-2.0
#include "rlaif_v/rows.hpp"

#include <candor/io/json_field_impl.hpp>

namespace rlaif_v {
namespace {

using candor::detail::json;
using candor::detail::json_field;

std::vector<std::string> texts_of(const json_field& row, const char* key) {
  std::vector<std::string> out;
  if (const auto list = row.find(key))
    for (const auto& item : list->items()) out.push_back(item.string());
  return out;
}

answer_row parse_row(const std::string& line, const std::string& source) {
  const json document = candor::detail::parse_json(line, {.file = source});
  const json_field row(document, source);
  answer_row out;
  out.question_id = row["question_id"].integer(0);
  out.ds_question_id = row["ds_question_id"].string();
  out.image_path = row["image_path"].string();
  out.question = row["raw_question"].string();
  out.answer = row["answer"].string();
  out.finished = row.boolean_or("finished", true);
  out.claims = texts_of(row, "facts");
  out.questions = texts_of(row, "changed_facts");
  if (const auto scores = row.find("scores"))
    for (const auto& s : scores->items())
      out.verdicts.push_back({s["yes"].number(0, 1.001), s["no"].number(0, 1.001)});
  const bool whole = (out.questions.empty() || out.questions.size() == out.claims.size()) &&
                     (out.verdicts.empty() || out.verdicts.size() == out.questions.size());
  if (!whole)
    row.refuse("there are ", out.claims.size(), " facts, ", out.questions.size(), " questions and ",
               out.verdicts.size(),
               " scores; expected one of each for each fact. Remove the file and those of later stages to "
               "make them again");
  return out;
}

}  // namespace

std::vector<answer_row> read_rows(const candor::record_file& file, std::int64_t first, std::int64_t count) {
  std::vector<answer_row> rows;
  for (std::int64_t i = first; i < first + count; ++i)
    rows.push_back(parse_row(file.read(i), file.source(i)));
  return rows;
}

std::string line_of(const answer_row& row) {
  nlohmann::ordered_json out{{"question_id", row.question_id}, {"ds_question_id", row.ds_question_id},
                             {"image_path", row.image_path},   {"raw_question", row.question},
                             {"answer", row.answer},           {"finished", row.finished}};
  if (!row.claims.empty()) out["facts"] = row.claims;
  if (!row.questions.empty()) out["changed_facts"] = row.questions;
  for (const auto& v : row.verdicts) out["scores"].push_back({{"yes", v.yes}, {"no", v.no}});
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace rlaif_v
