// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What stands in a line of the pipeline's files: an answer to an instruction, and what the stages have found
/// out about it so far, under the names of RLAIF-V's files.

#include <candor/data/record_file.hpp>
#include <candor/model/questions.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace rlaif_v {

/// {"question_id": 12, "ds_question_id": "3", "image_path": "a.jpg", "raw_question": "...", "answer": "...",
///  "finished": true, "facts": [...], "changed_facts": [...], "scores": [{"yes": 0.9, "no": 0.1}, ...]}
struct answer_row {
  std::int64_t question_id = 0;  ///< of this answer: samples x instruction + sample
  std::string ds_question_id;    ///< of the instruction
  std::string image_path, question;
  std::string answer;
  bool finished = true;                ///< false: the limit of length ended it
  std::vector<std::string> claims;     ///< after "split"
  std::vector<std::string> questions;  ///< after "ask": one a claim
  std::vector<candor::yes_no_answer>
      verdicts;  ///< after "judge": one a question; P(yes) + P(Yes) and P(no) + P(No)
};

/// Whether two rows answer the same instruction about the same picture. Its rows follow each other in a file.
inline bool same_instruction(const answer_row& a, const answer_row& b) {
  return a.ds_question_id == b.ds_question_id && a.image_path == b.image_path && a.question == b.question;
}

/// Rows [first, first + count) of a stage's file; input_error with the place for a line that is none.
std::vector<answer_row> read_rows(const candor::record_file& file, std::int64_t first, std::int64_t count);

/// A row as a line, with its end. What no stage has found yet is left out.
std::string line_of(const answer_row& row);

}  // namespace rlaif_v
