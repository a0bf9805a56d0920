// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The questions of benchmarks whose answers a judge decides, MMHal-Bench, RefoMB, LLaVA-Bench and deceptive
/// prompts, in the benchmarks' own files, and the join of a judge's reviews with them.

#include <candor/core/config.hpp>
#include <candor/eval/answers.hpp>
#include <candor/eval/reviews.hpp>
#include <candor/image/image_source.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace CANDOR_NS {

enum class judged_benchmark : std::uint8_t { mmhal, refomb, llava_bench, deceptive };

/// A question, and what the judge is told about it.
struct judged_question {
  std::string id;        ///< `question_id`, `id` or `image_id`, MAD-Bench's image; else its place, from 0
  std::string category;  ///< as of a judge_review
  std::string question;
  std::string context;    ///< what is in the picture; empty where the file has nothing about it
  std::string reference;  ///< an answer that is known to be good, or the one to compare with
  std::string source;     ///< file and line, for errors
  std::vector<image_source> images = {};  ///< one, where the judge is to see it
};

struct question_files {
  std::filesystem::path questions;
  std::filesystem::path contexts = {};    ///< LLaVA-Bench's captions and boxes, joined by image
  std::filesystem::path references = {};  ///< reference answers of LLaVA-Bench or RefoMB, joined by id
  std::filesystem::path images = {};      ///< folder of the questions' images; empty: the judge sees none
};

/// Reads JSON lines or a JSON list in the benchmark's own form:
///   MMHal-Bench     question, gt_answer, image_content (the context), question_type
///   RefoMB          question, answer (of the reference model; empty in the file of the questions alone),
///                   description (the context), type
///   LLaVA-Bench     text, category, image; captions and boxes, and reference answers, in files of their own
///   deceptive       question, text or MAD-Bench's instruction, category
/// input_error with file and line; also where two questions have the same id.
std::vector<judged_question> read_judged_questions(judged_benchmark benchmark, const question_files& files);

/// Reviews in the order of the questions, joined by id as answers are (join_answers); a review takes its
/// question's category. Without questions it is only checked that no id comes twice. Reviews that are doubled
/// or belong to no question are left out where `options` allow them.
std::vector<judge_review> join_reviews(std::vector<judge_review> reviews,
                                       std::span<const judged_question> questions,
                                       const std::filesystem::path& reviews_file,
                                       const std::string& questions_file, const join_options& options,
                                       answer_join& join);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/eval/judged_questions_impl.hpp>
#endif
