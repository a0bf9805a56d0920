// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// POPE (Li et al., arXiv 2305.10355): does the model say yes to objects that are not there? Balanced yes/no
/// questions about MSCOCO objects; absent ones are drawn at random, by popularity, or adversarially.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/figures.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// Whether POPE's scorer takes an answer for "no": its text up to the first full stop, without commas and cut
/// at blanks, holds No, not or no. Everything else is "yes", whatever it says.
bool pope_says_no(std::string_view answer);

/// Yes/no answers against labels; yes is the positive class.
struct yes_no_counts {
  std::int64_t true_yes = 0, false_yes = 0, true_no = 0, false_no = 0;

  void add(bool says_yes, bool is_yes) {
    ++(says_yes ? (is_yes ? true_yes : false_yes) : (is_yes ? false_no : true_no));
  }
  std::int64_t count() const { return true_yes + false_yes + true_no + false_no; }
  double accuracy() const { return ratio(true_yes + true_no, count()); }
  double precision() const { return ratio(true_yes, true_yes + false_yes); }
  double recall() const { return ratio(true_yes, true_yes + false_no); }
  double f1() const { return share_of(2 * precision() * recall(), precision() + recall()); }
  double yes_ratio() const { return ratio(true_yes + false_yes, count()); }

 private:
  static double ratio(std::int64_t part, std::int64_t whole) {
    return share_of(static_cast<double>(part), static_cast<double>(whole));
  }
};

/// One question file of POPE with its answers.
struct pope_setting {
  std::string name;  ///< "random", "popular", "adversarial", or the file's name
  yes_no_counts counts;
  answer_join join;
};

/// Scores one setting. Questions: `question_id`, `label` (yes or no) and `text`, one JSON object a line or a
/// list; answers as read_answers reads them, with the id `question_id`. input_error as join_answers says, and
/// for labels that are neither.
pope_setting score_pope(const std::filesystem::path& questions, const std::filesystem::path& answers,
                        const join_options& options = {});

/// A row each setting, in %, and where there are several their plain mean, as papers report it.
figure_table pope_figures(const std::vector<pope_setting>& settings);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/pope_impl.hpp>
#endif
