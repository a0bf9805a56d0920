// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What a judge is asked about an answer to a question of MMHal-Bench, RefoMB, LLaVA-Bench or of deceptive
/// prompts, and about the objects in an answer of Object HalBench. The parts, their order and the form of the
/// verdict are the benchmarks'; the words of the default prompts are candor's, so that figures under them are
/// not to be compared with published ones. The original words can be handed over as a file.

#include <candor/core/config.hpp>
#include <candor/eval/judged_questions.hpp>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Makes a judge's prompts.
class judge_prompt {
 public:
  /// With `file`, its text in place of candor's:
  ///   - with the marks {context}, {question}, {reference} and {answer}, or with {} for each of the four in
  ///     this order (as MMHal-Bench's template has them), a whole prompt;
  ///   - without marks, instructions, around which the parts are put under the benchmark's headers;
  ///   - a JSON object {"<category>": {"prompt": "..."}}, LLaVA-Bench's rule.json: instructions, or a whole
  ///   prompt
  ///     with named marks, by category.
  /// input_error for an empty file, and for a wrong number of {}.
  explicit judge_prompt(judged_benchmark benchmark, const std::filesystem::path& file = {});

  /// input_error where the question lacks what the prompt shows, or its category has no instructions.
  std::string operator()(const judged_question& question, std::string_view answer) const;

 private:
  judged_benchmark benchmark_;
  std::filesystem::path file_;
  std::map<std::string, std::string> texts_;  ///< by category; "" for all
};

/// Asks for the visible objects that an answer names, as a JSON list (Object HalBench, as RLAIF-V extracts
/// them).
class objects_prompt {
 public:
  /// With `file`, its text in place of candor's, with the marks {question} and {answer}; input_error where it
  /// does not show the answer.
  explicit objects_prompt(const std::filesystem::path& file = {});

  std::string operator()(std::string_view question, std::string_view answer) const;

 private:
  std::string text_;
};

/// The objects in a reply to it: the JSON list of texts between its first [ and its last ], within a fence or
/// without; nothing where there is none. RLAIF-V's program reads the last line, and asks again for an empty
/// list without a fence.
std::optional<std::vector<std::string>> objects_in_reply(std::string_view reply);

/// {"image_id", "question", "text", "extract_objs"} without its end; the last only where the answer has
/// objects.
std::string objects_line(const model_answer& answer);

/// A review as a line of JSON under the keys of the benchmark's own program, without its end.
std::string review_line(judged_benchmark benchmark, const judged_question& question,
                        const std::string& review);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/judge_prompts_impl.hpp>
#endif
