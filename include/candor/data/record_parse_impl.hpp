// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From a JSON object to records, by the keys that it has. Nothing here reads a file but the existence of
/// images, and that only where the context names their folder.

#include <candor/data/rated_answers_impl.hpp>
#include <candor/data/record_fields_impl.hpp>
#include <candor/data/record_texts_impl.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace CANDOR_NS::detail {

inline std::size_t marks_in(std::string_view words) {
  std::size_t n = 0;
  for (auto at = words.find(image_mark_text); at != std::string_view::npos;
       at = words.find(image_mark_text, at + image_mark_text.size()))
    ++n;
  return n;
}

/// Marks in the user's texts through the question.
inline std::size_t marks_before_answer(const preference_record& r) {
  std::size_t n = marks_in(r.question);
  for (const auto& t : r.earlier) n += marks_in(t.user);
  return n;
}

/// Images must stand in the texts before the first scored answer, one mark each, or in no text at all. Of an
/// image pair one image is shown at a time.
inline void check_marks(const preference_record& r, bool image_pairs) {
  const std::size_t before = marks_before_answer(r);
  std::size_t elsewhere = marks_in(r.chosen) + marks_in(r.rejected);
  for (const auto& t : r.earlier) elsewhere += marks_in(t.assistant);
  for (const auto* later : {&r.chosen_later, &r.rejected_later})
    for (const auto& t : *later) elsewhere += marks_in(t.user) + marks_in(t.assistant);
  require<input_error>(elsewhere == 0, r.source,
                       ": an <image> mark stands in an answer or behind the first scored ",
                       "answer; images must belong to the texts of the user before it");
  const bool one_of_two = image_pairs && before == 1 && r.images.size() == 2;
  require<input_error>(before == 0 || before == r.images.size() || one_of_two, r.source, ": the text has ",
                       before, before == 1 ? " <image> mark" : " <image> marks", ", but there ",
                       r.images.size() == 1 ? "is " : "are ", r.images.size(),
                       r.images.size() == 1 ? " image" : " images",
                       "; give one mark for each image, or none");
}

/// How much better the chosen answer is, where the record says so.
inline double margin_of(const record_fields& record, double otherwise) {
  constexpr double most = 1e9;  // what differs by more is no score
  const auto field = record.field();
  for (const auto* key : {"margin", "score"})
    if (const auto found = field.find(key); found && found->value().is_number())
      return found->number(-most, most);
  if (field.has("score_chosen") && field.has("score_rejected"))
    return field["score_chosen"].number(-most, most) - field["score_rejected"].number(-most, most);
  return otherwise;
}

/// Answers beyond the two.
inline std::vector<std::string> other_answers(const record_fields& record) {
  std::vector<std::string> out;
  if (const auto revised = record.field().find("revised")) out.push_back(filled_text(*revised));
  if (const auto others = record.field().find("others"))
    for (const auto& item : others->items()) out.push_back(filled_text(item));
  return out;
}

/// RLHF-V packs its texts into one more JSON text.
inline record_fields packed_texts(const record_fields& record) {
  const std::string inside = record.source() + ": text";
  return record_fields(parse_json(record.field()["text"].string(), {.file = inside}), inside, record.index());
}

/// The texts of a record with one pair.
inline void parse_pair(const record_fields& record, const record_context& context, preference_record& r) {
  switch (r.form) {
    case record_form::packed_rlhf_v: return parse_plain_pair(packed_texts(record), r);
    case record_form::povid: return parse_povid(record, r);
    case record_form::llava_rlhf: return parse_llava_rlhf(record, r);
    case record_form::llama_factory: return parse_llama_factory(record, r);
    case record_form::ms_swift: return parse_ms_swift(record, r);
    case record_form::v_dpo: return parse_image_pair(record, context, r);
    case record_form::llava: return parse_povid(record, r);        // says what is missing
    case record_form::messages: return parse_ms_swift(record, r);  // likewise
    default: return parse_plain_pair(record, r);
  }
}

/// The texts of a record of which one answer is wanted.
inline void parse_answer(const record_fields& record, preference_record& r) {
  const bool dialog = record.any_of({"conversations", "messages"}).has_value();
  if (r.form == record_form::llava_rlhf || (r.form == record_form::llama_factory && dialog))
    parse_pair(record, {}, r);
  else
    parse_dialog(r.form == record_form::packed_rlhf_v ? packed_texts(record) : record, r);
  r.rejected.clear();
  r.rejected_later.clear();
}

/// The records that one JSON object is: one, or one for each pair of its rated answers, or none.
inline std::vector<preference_record> parse_preferences(json document, std::string source, std::int64_t index,
                                                        const record_context& context) {
  const record_fields record(std::move(document), std::move(source), index);
  preference_record r;
  r.source = record.source();
  r.id = record.id();
  r.form = form_of(record, context.pairs && context.image_pairs);
  r.images = record_images(record, context, "image, question, chosen and rejected");
  r.others = other_answers(record);
  std::vector<preference_record> out;
  if (r.form == record_form::vlfeedback) {
    out = parse_rated(record, r, context.ladder);
    if (!context.pairs) keep_best(out);
  } else {
    r.margin = margin_of(record, r.margin);
    context.pairs ? parse_pair(record, context, r) : parse_answer(record, r);
    out.push_back(std::move(r));
  }
  for (const auto& made : out) check_marks(made, context.image_pairs);
  return out;
}

inline question_record parse_question(json document, std::string source, std::int64_t index,
                                      const record_context& context) {
  constexpr std::string_view keys = "image and question";
  const record_fields record(std::move(document), std::move(source), index);
  question_record r;
  r.source = record.source();
  r.id = record.id();
  r.images = record_images(record, context, keys);
  r.question = filled_text(needed(record, {"question", "prompt"}, keys));
  if (const auto responses = record.field().find("responses"))
    for (const auto& response : responses->items()) r.responses.push_back(response.string());
  return r;
}

}  // namespace CANDOR_NS::detail
