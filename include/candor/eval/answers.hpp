// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Files of model answers in the forms of the benchmarks and their runners, and the join of answers with
/// questions: by id, or line by line where a file has no ids.

#include <candor/core/config.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

/// One line of an answers file.
struct model_answer {
  std::string id;                    ///< as text, empty where the file has none
  std::string text;                  ///< what the model said
  std::string question;              ///< as the file repeats it, empty where it does not
  std::string source;                ///< "answers.jsonl:12", for errors
  std::vector<std::string> objects;  ///< what a judge extracted ("extract_objs" or "objects")
  bool has_objects = false;
};

/// Reads JSON lines, a JSON list, or CHAIR's {"imgToEval": {...}}. The text is the first of the keys `text`,
/// `answer`, `response`, `caption`, `model_answer`, `responses` (its first item, as `generate` writes it);
/// the id the first of `id_keys` that is there, a number or a text. input_error with file and line for
/// anything else, and where only some of the records have ids.
std::vector<model_answer> read_answers(const std::filesystem::path& file,
                                       const std::vector<std::string>& id_keys);

/// Gives answers without ids those of the records of another file (what `generate` was asked), line by line,
/// and the question where an answer does not repeat it.
/// input_error where the answers have ids, where their numbers differ, or where a record has none of the
/// keys.
void take_ids_from(std::vector<model_answer>& answers, const std::filesystem::path& questions,
                   const std::vector<std::string>& id_keys);

struct join_options {
  /// Score what can be scored, and count what cannot; else a question without an answer, two answers to one
  /// question, or an answer to none is an input_error that names the first of them.
  bool partial = false;
};

/// Which answer belongs to which question.
struct answer_join {
  std::vector<std::int64_t> answer_of;  ///< for each question the index of its answer, -1 for none
  std::int64_t missing = 0;             ///< questions without an answer
  std::int64_t doubled = 0;             ///< answers beyond the first to a question
  std::int64_t excess = 0;              ///< answers to no question

  /// "3 questions without an answer, 1 answer to no question", or empty where all is well.
  std::string remarks() const;
};

/// Joins by id; by position where the answers have no ids, and then their numbers must be equal. `questions`
/// names the file of the questions in errors.
answer_join join_answers(std::span<const std::string> question_ids, std::span<const model_answer> answers,
                         const std::string& questions, const std::filesystem::path& answers_file,
                         const join_options& options = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/answers_impl.hpp>
#endif
