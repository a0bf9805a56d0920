// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// AMBER (Wang et al., arXiv 2311.07397): descriptions of 1,004 pictures scored by the objects that they
/// name, and 14,216 yes/no questions about existence, attributes and relations.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/figures.hpp>
#include <candor/eval/text_tools.hpp>
#include <candor/eval/word_vectors.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace CANDOR_NS {

/// What AMBER asks with a question; `description` is its generative part.
enum class amber_kind { description, existence, state, number, action, relation };

/// One item of annotations.json.
struct amber_item {
  std::string id;
  amber_kind kind = amber_kind::description;
  bool truth = false;                      ///< of a question: whether yes is right
  std::vector<std::string> shown, likely;  ///< of a picture: objects in it, and likely hallucinations
};

/// The benchmark's own files: annotations.json, relation.json and safe_words.txt of a folder.
struct amber_benchmark {
  std::vector<amber_item> items;
  std::unordered_map<std::string, std::vector<std::string>> related;  ///< words that mean an object as well
  std::unordered_set<std::string> vocabulary, safe_words;
};

/// input_error with file and item for types, truths and words that AMBER does not have.
amber_benchmark read_amber(const std::filesystem::path& folder);

/// Counts over descriptions.
struct amber_description_counts {
  std::int64_t responses = 0, faulty_responses = 0;
  std::int64_t nouns = 0, hallucinated = 0;  ///< nouns of the vocabulary
  std::int64_t shown = 0, covered = 0;       ///< objects in the pictures
  std::int64_t likely = 0, fallen_for = 0;   ///< likely hallucinations

  /// Counts one description.
  void add(const amber_benchmark& benchmark, const amber_item& item,
           const std::vector<std::string>& nouns_said, const word_vectors& vectors, float least_similarity);
};

/// Counts over yes/no questions. No is the class that counts: precision and recall are those of "No".
struct amber_question_counts {
  std::int64_t questions = 0, right = 0;
  std::int64_t truly_no = 0, said_no = 0, rightly_no = 0;
  std::int64_t neither = 0;  ///< answers that are neither "Yes" nor "No", letter for letter; wrong

  void add(bool truth, std::string_view answer);
  void add(const amber_question_counts& others);
};

struct amber_options {
  join_options join;
  float least_similarity = 0.8f;  ///< above which two words mean the same
};

struct amber_result {
  std::optional<amber_description_counts> descriptions;  ///< where there are any
  std::array<amber_question_counts, 6> questions;        ///< by amber_kind
  bool asked = false;                                    ///< whether there are answers to questions
  answer_join join;
};

/// Scores answers {"id": 1, "response": "..."}; without ids they belong to the items in order. Either part
/// may be left out as a whole.
amber_result score_amber(const amber_benchmark& benchmark, const std::vector<model_answer>& answers,
                         const std::filesystem::path& answers_file, const text_tools& tools,
                         const word_vectors& vectors, const amber_options& options = {});

/// The figures that AMBER's inference.py prints, in %, rounded as there (F1 comes from rounded precision and
/// recall); and where both parts were answered, AMBER's score (100 - CHAIR + F1) / 2.
std::vector<figure_table> amber_figures(const amber_result& result);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/amber_impl.hpp>
#endif
