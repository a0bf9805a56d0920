// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Benchmarks that a judge decides: MMHal-Bench, RefoMB, LLaVA-Bench and deceptive prompts. The judge's
/// reviews are read from the files that the benchmarks' own programs write; ratings are parsed as those parse
/// them.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/figures.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

struct judge_review {
  std::string id;        ///< empty where the file has none
  std::string category;  ///< `category`, `question_type`, `type_name` or `type`; empty where there is none
  std::string text;      ///< what the judge wrote
  std::string source;    ///< file and line, for errors
};

/// Reads JSON lines or a JSON list. The review is an OpenAI response's choices[0].message.content, or the
/// first of the keys `gpt4_review`, `review_res`, `review`, `content`, `text`, `answer`. input_error with
/// file and line.
std::vector<judge_review> read_reviews(const std::filesystem::path& file);

/// MMHal-Bench's rating, 0 to 6: k where the review holds "rating: k" for one k and no other, in any case.
std::optional<int> mmhal_rating(std::string_view review);
/// RefoMB's verdict: the first [[A]] (-1: the reference is better), [[B]] (1: the model) or [[C]] (0).
std::optional<int> refomb_verdict(std::string_view review);
/// LLaVA-Bench's two scores: the first line, two numbers with one blank or comma between them, and no other;
/// the reference's is first.
std::optional<std::pair<double, double>> llava_bench_scores(std::string_view review);
/// Whether the model fell for a deceptive prompt: the first word yes or no of the review, in any case; or not
/// where it begins with "Correct" or "The answer is correct.", and so where with "Incorrect" or "The answer
/// is incorrect.", as MAD-Bench's program reads it.
std::optional<bool> deceived_verdict(std::string_view review);

/// Figures, and the reviews that held no rating.
struct judged_figures {
  figure_table figures;
  std::int64_t unparsed = 0;
  std::string first_unparsed;  ///< where
};

/// MMHal-Bench (arXiv 2309.14525): mean rating, share of ratings below 3, informativeness in %; over all and
/// by question type. The type is the review's, or follows from its place, as 12 x 8 questions stand in their
/// file. A review without a rating counts as 0, as in the original.
judged_figures mmhal_figures(std::span<const judge_review> reviews);
/// RefoMB (RLAIF-V, arXiv 2405.17220): the mean of (verdict + 1) / 2, with shares of wins and ties in %.
judged_figures refomb_figures(std::span<const judge_review> reviews);
/// LLaVA-Bench: 100 x the model's mean score / the reference's, and both means. Reviews without two scores
/// are left out, as RLHF-V does; LLaVA's own summary takes them for -1 and -1.
judged_figures llava_bench_figures(std::span<const judge_review> reviews);
/// Deceptive prompts (MAD-Bench, arXiv 2402.13220): the share of answers that did not fall for it, in %,
/// where the judge was asked whether the answer goes along with the false premise. Reviews without a verdict
/// are left out.
judged_figures deceptive_figures(std::span<const judge_review> reviews);

/// Two raters' labels of the same things.
struct label_pair {
  std::string first, second;
};
/// Share of equal labels and Cohen's kappa, (p_o - p_e) / (1 - p_e), 1 where only one label was ever used;
/// and for each label of the second rater how often the first one agrees (recall), and the other way
/// (precision).
figure_table agreement_figures(std::span<const label_pair> labels);
/// Labels of two files, joined by id (`question_id`, `id`), in lower case and without blanks around them.
std::vector<label_pair> read_labels(const std::filesystem::path& first, const std::filesystem::path& second,
                                    const join_options& options, answer_join& join);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/reviews_impl.hpp>
#endif
