// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The texts of a pair in each of its forms (record_form.hpp): which form a record has, and what of it is
/// question, chosen and rejected answer. VLFeedback's ratings stand in rated_answers_impl.hpp.

#include <candor/data/dialog_fields_impl.hpp>
#include <candor/data/record_fields_impl.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

/// By the keys of the record, those that only one form has before the others.
inline record_form form_of(const record_fields& record, bool image_pairs) {
  const auto has = [field = record.field()](std::initializer_list<std::string_view> keys) {
    return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) { return field.has(key); });
  };
  if (has({"completions"})) return record_form::vlfeedback;
  if (has({"output_1", "output_2"})) return record_form::llava_rlhf;
  if (has({"rejected_conversations", "contrastive_conversations"})) return record_form::povid;
  if (has({"rejected_response", "rejected_messages"})) return record_form::ms_swift;
  if (has({"conversations", "messages", "instruction"}) && has({"chosen", "rejected"}))
    return record_form::llama_factory;
  if (has({"text"}) && !has({"chosen", "conversations"})) return record_form::packed_rlhf_v;
  if (image_pairs && !has({"rejected"})) return record_form::v_dpo;
  if (has({"conversations"})) return record_form::llava;
  if (has({"messages"})) return record_form::messages;
  if (has({"rejected"}))
    return has({"question"}) && record.field()["rejected"].value().is_string() ? record_form::rlhf_v
                                                                               : record_form::trl;
  return record_form::answer;
}

/// candor's chat templates have a system text of their own, so one in a record would be lost.
inline void refuse_system(const record_fields& record) {
  if (const auto system = record.field().find("system"); system && !system->string().empty())
    system->refuse("a system text is not read: the chat template has its own, so remove it from the record");
}

/// [["question", "answer"], ...] before the question, as alpaca's and ms-swift's records have it.
inline std::vector<turn> history_of(const record_fields& record) {
  std::vector<turn> out;
  const auto history = record.field().find("history");
  if (!history) return out;
  for (const auto& item : history->items()) {
    const auto texts = item.items();
    if (texts.size() != 2) item.refuse("expected a question with its answer, found ", texts.size(), " texts");
    out.push_back({filled_text(texts[0]), filled_text(texts[1])});
  }
  return out;
}

/// `instruction` with `input` on the next line, as LLaMA-Factory joins them, where one may be empty.
inline std::string instruction_of(const record_fields& record) {
  const json_field instruction = record.field()["instruction"];
  const std::string input = record.field().string_or("input", "");
  if (input.empty()) return filled_text(instruction);
  return instruction.string().empty() ? input : text(instruction.string(), "\n", input);
}

/// One question, two answers to it, all as texts.
inline void set_texts(const record_fields& record, preference_record& r, std::string question,
                      const json_field& chosen, const json_field& rejected) {
  r.question = std::move(question);
  r.chosen = filled_text(chosen);
  r.rejected = filled_text(rejected);
  require<input_error>(r.chosen != r.rejected, record.source(),
                       ": chosen and rejected are equal, so nothing can be preferred; remove the record");
}

/// question, chosen and rejected as texts, or as messages.
inline void parse_plain_pair(const record_fields& record, preference_record& r) {
  constexpr std::string_view keys = "image, question, chosen and rejected";
  const auto prompt = record.any_of({"question", "prompt"});
  const json_field chosen = needed(record, {"chosen"}, keys), rejected = needed(record, {"rejected"}, keys);
  const bool lists = (prompt && prompt->value().is_array()) || chosen.value().is_array();
  if (!lists) {
    const json_field question = needed(record, {"question", "prompt"}, keys);
    set_texts(record, r, filled_text(question), chosen, rejected);
  } else if (prompt) {
    set_dialogs(r, turns_of(*prompt, chosen), turns_of(*prompt, rejected), record.field());
  } else {
    set_dialogs(r, turns_of(messages_of(chosen, true), chosen),
                turns_of(messages_of(rejected, true), rejected), record.field());
  }
}

inline void parse_povid(const record_fields& record, preference_record& r) {
  const json_field chosen = record.field()["conversations"],
                   rejected = needed(record, {"rejected_conversations", "contrastive_conversations"},
                                     "image, conversations and rejected_conversations");
  set_dialogs(r, turns_of(messages_of(chosen, true), chosen), turns_of(messages_of(rejected, true), rejected),
              record.field());
  r.score_earlier = true;
}

/// The last answer of the dialog stands for either output (LLaVA-RLHF's data_utils_rm.py); one that is
/// missing is added.
inline void parse_llava_rlhf(const record_fields& record, preference_record& r) {
  const json_field dialog = record.field()["conversations"];
  auto shared = messages_of(dialog, true);
  if (!shared.back().user) shared.pop_back();
  if (shared.empty()) dialog.refuse("the dialog has no question");
  const auto with = [&](std::string_view key) {
    const json_field output = record.field()[key];
    auto all = shared;
    all.push_back({false, filled_text(output["value"]), output});
    return turns_of(std::move(all), dialog);
  };
  const bool first = record.field()["preference"].integer(1, 2) == 1;
  set_dialogs(r, with(first ? "output_1" : "output_2"), with(first ? "output_2" : "output_1"),
              record.field());
}

inline void parse_llama_factory(const record_fields& record, preference_record& r) {
  constexpr std::string_view keys = "images, conversations or instruction, chosen and rejected";
  refuse_system(record);
  const json_field chosen = needed(record, {"chosen"}, keys), rejected = needed(record, {"rejected"}, keys);
  const auto dialog = record.any_of({"conversations", "messages"});
  if (!dialog) {
    r.earlier = history_of(record);
    set_texts(record, r, instruction_of(record), chosen, rejected);
    return;
  }
  set_dialogs(r, turns_of(*dialog, chosen, mark_place::as_written),
              turns_of(*dialog, rejected, mark_place::as_written), record.field());
}

inline void parse_ms_swift(const record_fields& record, preference_record& r) {
  refuse_system(record);
  const auto rejected = record.field().find("rejected_response");
  if (const auto query = record.field().find("query")) {
    r.earlier = history_of(record);
    set_texts(record, r, filled_text(*query),
              needed(record, {"response"}, "query, response and rejected_response"),
              needed(record, {"rejected_response"}, "query, response and rejected_response"));
    return;
  }
  constexpr std::string_view keys = "images, messages and rejected_response";
  const json_field dialog = needed(record, {"messages"}, keys);
  const json_field other = needed(record, {"rejected_response", "rejected_messages"}, keys);
  auto all = messages_of(dialog, true);
  const auto chosen = turns_of(all, dialog);
  if (!rejected) return set_dialogs(r, chosen, turns_of(messages_of(other, true), other), record.field());
  if (all.back().user)
    dialog.refuse("the dialog ends with a question; expected the chosen answer at its end");
  all.back().words = filled_text(*rejected);
  set_dialogs(r, chosen, turns_of(std::move(all), dialog), record.field());
}

/// A dialog with all its answers, or a question with one.
inline void parse_dialog(const record_fields& record, preference_record& r) {
  if (const auto dialog = record.any_of({"conversations", "messages"})) {
    set_dialog(r, turns_of(messages_of(*dialog, true), *dialog), 0);
    return;
  }
  constexpr std::string_view keys = "conversations, messages, or question and answer";
  const std::initializer_list<std::string_view> answers{"answer", "completion", "chosen", "response",
                                                        "output"};
  if (record.field().has("instruction") || record.field().has("query")) {
    refuse_system(record);
    r.earlier = history_of(record);
    r.question = record.field().has("query") ? filled_text(record.field()["query"]) : instruction_of(record);
    r.chosen = filled_text(needed(record, answers, keys));
    return;
  }
  const json_field prompt = needed(record, {"question", "prompt"}, keys);
  const json_field answer = needed(record, answers, keys);
  auto turns = turns_of(prompt, answer);
  const std::size_t scored = answer.value().is_array() ? (answer.value().size() + 1) / 2 : 1;
  set_dialog(r, turns, turns.size() - scored);
}

/// Two images for one text, V-DPO's list under `image`, or ms-swift's `rejected_images`.
inline void parse_image_pair(const record_fields& record, const record_context& context,
                             preference_record& r) {
  if (const auto other = record.field().find("rejected_images"))
    for (auto& image : images_under(*other, "rejected_images", record, context)) r.images.push_back(image);
  require<input_error>(
      r.images.size() == 2, record.source(), ": the record has no rejected answer and ", r.images.size(),
      r.images.size() == 1 ? " image" : " images",
      "; expected two images, of which the answer is preferred under the first, or two answers");
  require<input_error>(r.images[0].name() != r.images[1].name(), record.source(),
                       ": both images are the same, so none can be preferred; remove the record");
  parse_dialog(record, r);
}

}  // namespace CANDOR_NS::detail
