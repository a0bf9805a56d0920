// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of answers.hpp.

#include <candor/core/error.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/records_impl.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace CANDOR_NS {
namespace detail {

CANDOR_INLINE std::string repeated_question(const json_field& record) {
  const auto question = record.string_or("question", "");
  return question.empty() ? record.string_or("prompt", "") : question;
}

CANDOR_INLINE model_answer answer_of(const json_field& record, const std::vector<std::string>& id_keys) {
  model_answer out;
  out.source = record.place();
  record.object();
  for (const auto& key : id_keys)
    if (const auto id = record.find(key)) {
      out.id = id_text(*id);
      break;
    }
  bool found = false;
  for (const char* key : {"text", "answer", "response", "caption", "model_answer"})
    if (const auto text = record.find(key); text && !found) {
      out.text = text->string();
      found = true;
    }
  if (const auto list = record.find("responses"); list && !found) {
    const auto responses = texts_of(*list);
    if (responses.empty()) list->refuse("an empty list; expected at least one answer");
    out.text = responses[0];
    found = true;
  }
  if (!found)
    record.refuse("no answer: expected one of the keys text, answer, response, caption, model_answer, ",
                  "responses");
  out.question = repeated_question(record);
  for (const char* key : {"extract_objs", "objects"})
    if (const auto objects = record.find(key); objects && !out.has_objects) {
      out.objects = texts_of(*objects);
      out.has_objects = true;
    }
  return out;
}

/// Whether the file is one object with the key imgToEval, over any number of lines.
CANDOR_INLINE bool is_chair_file(const record_file& records) {
  if (records.is_list()) return false;
  const std::string first = records.read(0);
  if (first.find("\"imgToEval\"") != first.npos) return true;
  const bool open = first.find_first_not_of("{ \t\r") == first.npos;  // an object that goes on below
  return open && records.size() > 1;
}

CANDOR_INLINE std::string count_of(std::int64_t n, const char* one, const char* many) {
  return text(n, " ", n == 1 ? one : many);
}

}  // namespace detail

CANDOR_INLINE std::vector<model_answer> read_answers(const std::filesystem::path& file,
                                                     const std::vector<std::string>& id_keys) {
  std::vector<model_answer> out;
  if (detail::is_chair_file(record_file(file))) {
    const detail::json document = detail::read_json_file(file, std::uint64_t{1} << 30);
    const detail::json_field all = detail::json_field(document, file.string())["imgToEval"].object();
    for (const auto& [key, value] : all.value().items())
      out.push_back(
          detail::answer_of(detail::json_field(value, file.string(), text("imgToEval.", key)), id_keys));
  } else {
    detail::for_records(file,
                        [&](const detail::json_field& r) { out.push_back(detail::answer_of(r, id_keys)); });
  }
  const auto without = std::find_if(out.begin(), out.end(), [](const auto& a) { return a.id.empty(); });
  const auto with = std::find_if(out.begin(), out.end(), [](const auto& a) { return !a.id.empty(); });
  require<input_error>(without == out.end() || with == out.end(), without == out.end() ? "" : without->source,
                       ": the record has no id, but others of the file have; expected ", id_keys.front());
  return out;
}

CANDOR_INLINE void take_ids_from(std::vector<model_answer>& answers, const std::filesystem::path& questions,
                                 const std::vector<std::string>& id_keys) {
  require<input_error>(answers.empty() || answers[0].id.empty(), answers.empty() ? "" : answers[0].source,
                       ": the answer has an id of its own; leave the file of questions out");
  std::vector<std::string> ids, asked;
  detail::for_records(questions, [&](const detail::json_field& record) {
    const auto key =
        std::find_if(id_keys.begin(), id_keys.end(), [&](const auto& k) { return record.has(k); });
    if (key == id_keys.end()) record.refuse("the key ", detail::in_quotes(id_keys.front()), " is missing");
    ids.push_back(detail::id_text(record[*key]));
    asked.push_back(detail::repeated_question(record));
  });
  require<input_error>(ids.size() == answers.size(), questions.string(), " has ", ids.size(), " records for ",
                       answers.size(), " answers; they are joined line by line");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    answers[i].id = ids[i];
    if (answers[i].question.empty()) answers[i].question = asked[i];
  }
}

CANDOR_INLINE std::string answer_join::remarks() const {
  std::string out;
  const auto add = [&](std::int64_t n, const std::string& what) {
    if (n > 0) out += (out.empty() ? "" : ", ") + what;
  };
  add(missing, detail::count_of(missing, "question", "questions") + " without an answer");
  add(doubled, detail::count_of(doubled, "answer", "answers") + " to a question that has one already");
  add(excess, detail::count_of(excess, "answer", "answers") + " to no question");
  return out;
}

CANDOR_INLINE answer_join join_answers(std::span<const std::string> question_ids,
                                       std::span<const model_answer> answers, const std::string& questions,
                                       const std::filesystem::path& answers_file,
                                       const join_options& options) {
  answer_join out;
  out.answer_of.assign(question_ids.size(), -1);
  if (!answers.empty() && answers.front().id.empty()) {
    require<input_error>(answers.size() == question_ids.size(), answers_file.string(), " has ",
                         answers.size(), " answers without ids for the ", question_ids.size(),
                         " questions of ", questions,
                         "; without ids they are joined line by line, so their numbers must be equal");
    for (std::size_t i = 0; i < answers.size(); ++i) out.answer_of[i] = static_cast<std::int64_t>(i);
    return out;
  }
  std::unordered_map<std::string, std::size_t> place;
  for (std::size_t q = 0; q < question_ids.size(); ++q)
    require<input_error>(place.emplace(question_ids[q], q).second, questions, ": the id ", question_ids[q],
                         " appears twice; evaluate files whose ids overlap one by one");
  const auto refuse_unless_partial = [&](const std::string& message) {
    require<input_error>(options.partial, message, "; mend the file, or score what is there with --partial");
  };
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto& a = answers[i];
    const auto at = place.find(a.id);
    if (at == place.end()) {
      refuse_unless_partial(text(a.source, ": the id ", a.id, " belongs to no question of ", questions));
      ++out.excess;
    } else if (auto& slot = out.answer_of[at->second]; slot >= 0) {
      refuse_unless_partial(text(a.source, ": the id ", a.id, " was answered already in ",
                                 answers[static_cast<std::size_t>(slot)].source));
      ++out.doubled;
    } else {
      slot = static_cast<std::int64_t>(i);
    }
  }
  const auto first = std::find(out.answer_of.begin(), out.answer_of.end(), -1);
  out.missing = std::count(first, out.answer_of.end(), -1);
  if (out.missing > 0)
    refuse_unless_partial(text(answers_file.string(), ": ",
                               detail::count_of(out.missing, "question", "questions"), " of ", questions,
                               " without an answer, the first with the id ",
                               question_ids[static_cast<std::size_t>(first - out.answer_of.begin())]));
  return out;
}

}  // namespace CANDOR_NS
