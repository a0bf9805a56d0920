// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of judged_questions.hpp.

#include <candor/core/error.hpp>
#include <candor/data/record_fields_impl.hpp>
#include <candor/eval/judged_questions.hpp>
#include <candor/eval/records_impl.hpp>

#include <algorithm>
#include <initializer_list>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// The first of the keys that is there and no empty text.
CANDOR_INLINE std::string first_text(const json_field& record, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (auto found = record.string_or(key, ""); !found.empty()) return found;
  return {};
}

/// LLaVA-Bench's context: captions, a line each, then boxes as Python prints them, "donut: [0.37, 0.584,
/// ...]".
CANDOR_INLINE std::string captions_and_boxes(const json_field& record) {
  std::string out;
  for (const auto& caption : record["captions"].items()) out += (out.empty() ? "" : "\n") + caption.string();
  out += '\n';
  for (const auto& instance : record["instances"].items()) {
    std::string box;
    for (const auto& side : instance["bbox"].items()) {
      side.number();  // refuses what is none
      box += (box.empty() ? "[" : ", ") + side.value().dump();
    }
    out += "\n" + instance["category"].string() + ": " + box + "]";
  }
  return out;
}

CANDOR_INLINE judged_question judged_question_of(judged_benchmark benchmark, const json_field& record,
                                                 std::size_t place) {
  record.object();
  judged_question out;
  out.source = record.place();
  for (const char* key : {"question_id", "id", "image_id"})
    if (const auto id = record.find(key); id && out.id.empty()) out.id = id_text(*id);
  // MAD-Bench has a question an image, and no other id.
  if (out.id.empty() && record.has("instruction")) out.id = record.string_or("image", "");
  if (out.id.empty()) out.id = std::to_string(place);
  out.category = first_text(record, {"category", "question_type", "type_name", "type"});
  out.question = first_text(record, {"question", "text", "prompt", "instruction"});
  if (out.question.empty()) record.refuse("no question: expected the key question or text");
  if (benchmark == judged_benchmark::mmhal) {
    out.reference = record.string_or("gt_answer", "");
    if (const auto objects = record.find("image_content"))
      for (const auto& name : texts_of(*objects)) out.context += (out.context.empty() ? "" : ", ") + name;
  } else if (benchmark == judged_benchmark::refomb) {
    out.reference = record.string_or("answer", "");
    out.context = record.string_or("description", "");
  }
  return out;
}

/// The file of a question's image.
CANDOR_INLINE image_source image_of_question(const json_field& record, const std::filesystem::path& folder) {
  for (const char* key : {"image", "image_path"})
    if (const auto name = record.find(key)) return image_file(*name, folder);
  record.refuse("the key \"image\" is missing; the judge is to see the picture");
}

}  // namespace detail

CANDOR_INLINE std::vector<judged_question> read_judged_questions(judged_benchmark benchmark,
                                                                 const question_files& files) {
  std::vector<judged_question> out;
  std::vector<std::string> images;
  std::unordered_map<std::string, std::string> seen;  // id: where
  detail::for_records(files.questions, [&](const detail::json_field& record) {
    out.push_back(detail::judged_question_of(benchmark, record, out.size()));
    images.push_back(record.string_or("image", ""));
    if (!files.images.empty()) out.back().images = {detail::image_of_question(record, files.images)};
    const auto [before, fresh] = seen.emplace(out.back().id, out.back().source);
    require<input_error>(fresh, out.back().source, ": the id ", out.back().id, " is that of ", before->second,
                         " too");
  });
  std::unordered_map<std::string, std::string> contexts;  // by image
  if (!files.contexts.empty())
    detail::for_records(files.contexts, [&](const detail::json_field& record) {
      contexts[record["image"].string()] = detail::captions_and_boxes(record);
    });
  for (std::size_t i = 0; i < out.size(); ++i)
    if (const auto found = contexts.find(images[i]); found != contexts.end()) out[i].context = found->second;
  if (files.references.empty()) return out;
  std::vector<std::string> ids;
  for (const auto& question : out) ids.push_back(question.id);
  const auto references = read_answers(files.references, {"question_id", "id"});
  const auto join =
      join_answers(ids, references, files.questions.string(), files.references, {.partial = true});
  for (std::size_t i = 0; i < out.size(); ++i)
    if (join.answer_of[i] >= 0)
      out[i].reference = references[static_cast<std::size_t>(join.answer_of[i])].text;
  return out;
}

CANDOR_INLINE std::vector<judge_review> join_reviews(std::vector<judge_review> reviews,
                                                     std::span<const judged_question> questions,
                                                     const std::filesystem::path& reviews_file,
                                                     const std::string& questions_file,
                                                     const join_options& options, answer_join& join) {
  const auto has_id = [](const judge_review& r) { return !r.id.empty(); };
  const bool with_ids = std::any_of(reviews.begin(), reviews.end(), has_id);
  const auto without = std::find_if_not(reviews.begin(), reviews.end(), has_id);
  require<input_error>(!with_ids || without == reviews.end(),
                       without == reviews.end() ? std::string() : without->source,
                       ": the review has no id, but others of the file have; expected question_id");
  if (questions.empty() && !with_ids) return reviews;
  std::vector<std::string> ids;
  for (const auto& question : questions) ids.push_back(question.id);
  if (questions.empty()) {
    std::unordered_set<std::string> known;
    for (const auto& review : reviews)
      if (known.insert(review.id).second) ids.push_back(review.id);
  }
  std::vector<model_answer> as_answers;
  for (const auto& review : reviews) {
    as_answers.emplace_back();
    as_answers.back().id = review.id;
    as_answers.back().source = review.source;
  }
  join = join_answers(ids, as_answers, questions_file, reviews_file, options);
  std::vector<judge_review> out;
  for (std::size_t q = 0; q < ids.size(); ++q) {
    if (join.answer_of[q] < 0) continue;
    out.push_back(std::move(reviews[static_cast<std::size_t>(join.answer_of[q])]));
    if (!questions.empty() && !questions[q].category.empty()) out.back().category = questions[q].category;
  }
  return out;
}

}  // namespace CANDOR_NS
