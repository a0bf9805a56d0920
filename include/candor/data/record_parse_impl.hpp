// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From a JSON object to a record, by the keys that it has. Nothing here reads a file but the existence of
/// images, and that only where the context names their folder.

#include <candor/data/dialog_fields_impl.hpp>
#include <candor/data/record_fields_impl.hpp>

#include <optional>
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

/// Images must stand in the texts before the first scored answer, one mark each, or in no text at all.
inline void check_marks(const preference_record& r) {
  std::size_t before = marks_in(r.question), elsewhere = marks_in(r.chosen) + marks_in(r.rejected);
  for (const auto& t : r.earlier) {
    before += marks_in(t.user);
    elsewhere += marks_in(t.assistant);
  }
  for (const auto* later : {&r.chosen_later, &r.rejected_later})
    for (const auto& t : *later) elsewhere += marks_in(t.user) + marks_in(t.assistant);
  require<input_error>(elsewhere == 0, r.source,
                       ": an <image> mark stands in an answer or behind the first scored ",
                       "answer; images must belong to the texts of the user before it");
  require<input_error>(before == 0 || before == r.images.size(), r.source, ": the text has ", before,
                       before == 1 ? " <image> mark" : " <image> marks", ", but there ",
                       r.images.size() == 1 ? "is " : "are ", r.images.size(),
                       r.images.size() == 1 ? " image" : " images",
                       "; give one mark for each image, or none");
}

/// question, chosen and rejected as texts, or as messages.
inline void parse_pair(const record_fields& record, preference_record& r) {
  constexpr std::string_view keys = "image, question, chosen and rejected";
  if (record.field().has("conversations")) {
    const json_field chosen = record.field()["conversations"],
                     rejected = needed(record, {"rejected_conversations"},
                                       "image, conversations and rejected_conversations");
    set_dialogs(r, turns_of(messages_of(chosen, true), chosen),
                turns_of(messages_of(rejected, true), rejected), record.field());
    r.score_earlier = true;
    return;
  }
  const auto prompt = record.any_of({"question", "prompt"});
  const json_field chosen = needed(record, {"chosen"}, keys), rejected = needed(record, {"rejected"}, keys);
  const bool lists = (prompt && prompt->value().is_array()) || chosen.value().is_array();
  if (!lists) {
    r.question = filled_text(needed(record, {"question", "prompt"}, keys));
    r.chosen = filled_text(chosen);
    r.rejected = filled_text(rejected);
    require<input_error>(r.chosen != r.rejected, record.source(),
                         ": chosen and rejected are equal, so nothing can be preferred; remove the record");
  } else if (prompt) {
    set_dialogs(r, turns_of(*prompt, chosen), turns_of(*prompt, rejected), record.field());
  } else {
    set_dialogs(r, turns_of(messages_of(chosen, true), chosen),
                turns_of(messages_of(rejected, true), rejected), record.field());
  }
}

/// A dialog with all its answers, or a question with one.
inline void parse_dialog(const record_fields& record, preference_record& r) {
  if (const auto dialog = record.any_of({"conversations", "messages"})) {
    set_dialog(r, turns_of(messages_of(*dialog, true), *dialog), 0);
    return;
  }
  constexpr std::string_view keys = "conversations, messages, or question and answer";
  const json_field prompt = needed(record, {"question", "prompt"}, keys);
  const json_field answer = needed(record, {"answer", "completion", "chosen"}, keys);
  auto turns = turns_of(prompt, answer);
  const std::size_t scored = answer.value().is_array() ? (answer.value().size() + 1) / 2 : 1;
  set_dialog(r, turns, turns.size() - scored);
}

/// RLHF-V packs its texts into one more JSON text.
inline std::optional<record_fields> packed_texts(const record_fields& record) {
  const auto packed = record.any_of({"text"});
  if (!packed || record.field().has("chosen") || record.field().has("conversations")) return std::nullopt;
  const std::string inside = record.source() + ": text";
  return record_fields(parse_json(packed->string(), {.file = inside}), inside, record.index());
}

inline preference_record parse_preference(json document, std::string source, std::int64_t index,
                                          const record_context& context) {
  const record_fields record(std::move(document), std::move(source), index);
  preference_record r;
  r.source = record.source();
  r.id = record.id();
  r.images = record_images(record, context, "image, question, chosen and rejected");
  const auto inner = packed_texts(record);
  context.pairs ? parse_pair(inner ? *inner : record, r) : parse_dialog(inner ? *inner : record, r);
  check_marks(r);
  return r;
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
