// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Dialogs in records: LLaVA's lists {"from": "human" | "gpt", "value"}, and lists {"role", "content"} as
/// chat APIs, TRL and ShareGPT have them, where content is a text or a list of {"type": "text" | "image"}
/// parts.

#include <candor/data/preference_data.hpp>
#include <candor/data/record_fields_impl.hpp>
#include <candor/text/chat_template.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

inline constexpr std::string_view image_mark_text = "<image>";

/// One message with the place that errors name.
struct dialog_message {
  bool user = false;
  std::string words;
  json_field field;
};

/// As LLaVA's preprocess_multimodal: the image's mark comes first, on a line of its own, and the text around
/// it loses its white space. A text with several marks stays as it is.
inline std::string mark_first(std::string words) {
  const auto at = words.find(image_mark_text);
  if (at == std::string::npos || words.find(image_mark_text, at + 1) != std::string::npos) return words;
  words.erase(at, image_mark_text.size());
  const auto first = words.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return std::string(image_mark_text);
  return text(image_mark_text, "\n", words.substr(first, words.find_last_not_of(" \t\r\n") + 1 - first));
}

/// The text of a message's content; each image part is a mark before the text, as the chat templates have it.
inline std::string content_text(const json_field& content) {
  if (!content.value().is_array()) return filled_text(content);
  std::string marks, words;
  for (const auto& part : content.items()) {
    const std::string& type = part["type"].string();
    if (type == "text")
      words += part["text"].string();
    else if (type == "image")
      marks += "<image>\n";
    else
      part["type"].refuse("a part of type ", in_quotes(type), " is not known; expected text or image");
  }
  if (words.find_first_not_of(" \t\r\n") == std::string::npos)
    content.refuse("the text is empty; remove the record or fill it in");
  return marks + words;
}

/// Where an image's mark stands in a text {"from", "value"}: LLaVA's code moves it, LLaMA-Factory's does not.
enum class mark_place : std::uint8_t { first, as_written };

inline dialog_message message_of(const json_field& item, mark_place marks) {
  const bool llava = item.has("from");
  const json_field role = llava ? item["from"] : item["role"];
  const std::string& who = role.string();
  const bool user = who == "human" || who == "user";
  if (!user && who != "gpt" && who != "assistant")
    role.refuse("the role ", in_quotes(who), " is not known; expected human and gpt, or user and assistant",
                who == "system" ? ": the chat template has its own system text, so remove this message" : "");
  const json_field content = llava || item.has("value") ? item["value"] : item["content"];
  std::string words = content_text(content);
  const bool moved = llava && user && marks == mark_place::first;
  return {user, moved ? mark_first(std::move(words)) : std::move(words), item};
}

/// The messages of a list, one message, or one text that `user` or the assistant says. They take turns.
inline std::vector<dialog_message> messages_of(const json_field& field, bool user,
                                               mark_place marks = mark_place::first) {
  std::vector<dialog_message> out;
  if (field.value().is_object()) {
    out.push_back(message_of(field, marks));
    return out;
  }
  if (!field.value().is_array()) {
    out.push_back({user, filled_text(field), field});
    return out;
  }
  for (const auto& item : field.items()) {
    out.push_back(message_of(item, marks));
    if (out.size() > 1 && out.back().user == out[out.size() - 2].user)
      item.refuse("two messages of the ", out.back().user ? "user" : "assistant",
                  " follow each other; user and assistant must take turns");
  }
  if (out.empty()) field.refuse("the list is empty; expected messages of user and assistant");
  return out;
}

/// Questions with their answers. As in LLaVA's code an answer that comes first has no question and is left
/// out, and so is a question that comes last and has no answer.
inline std::vector<turn> turns_of(std::vector<dialog_message> messages, const json_field& dialog) {
  if (!messages.front().user) messages.erase(messages.begin());
  if (messages.size() % 2 != 0) messages.pop_back();
  if (messages.empty()) dialog.refuse("the dialog has no question with an answer");
  std::vector<turn> out;
  for (std::size_t i = 0; i < messages.size(); i += 2)
    out.push_back({std::move(messages[i].words), std::move(messages[i + 1].words)});
  return out;
}

/// The turns of a prompt with the messages that complete it.
inline std::vector<turn> turns_of(const json_field& prompt, const json_field& completion,
                                  mark_place marks = mark_place::first) {
  auto all = messages_of(prompt, true, marks);
  if (!all.back().user) prompt.refuse("the prompt ends with an answer; expected a question at its end");
  auto rest = messages_of(completion, false, marks);
  if (rest.front().user)
    completion.refuse("begins with a message of the user; expected an answer to the prompt");
  for (auto& m : rest) all.push_back(std::move(m));
  return turns_of(std::move(all), completion);
}

/// Puts one dialog into a record: after `prompt` turns and a question the answers are scored.
inline void set_dialog(preference_record& r, std::vector<turn> turns, std::size_t prompt) {
  const auto first = turns.begin() + static_cast<std::ptrdiff_t>(prompt);
  r.earlier.assign(turns.begin(), first);
  r.question = first->user;
  r.chosen = first->assistant;
  r.chosen_later.assign(first + 1, turns.end());
}

/// Puts two dialogs into a record. What they share at their beginning becomes the stem; from the first answer
/// that differs on they are branches.
inline void set_dialogs(preference_record& r, const std::vector<turn>& chosen,
                        const std::vector<turn>& rejected, const json_field& place) {
  const auto same = [](const turn& a, const turn& b) {
    return a.user == b.user && a.assistant == b.assistant;
  };
  const auto differ = std::mismatch(chosen.begin(), chosen.end(), rejected.begin(), rejected.end(), same);
  const auto shared = static_cast<std::size_t>(differ.first - chosen.begin());
  if (shared == chosen.size() && shared == rejected.size())
    place.refuse("chosen and rejected are equal, so nothing can be preferred; remove the record");
  if (shared == chosen.size() || shared == rejected.size())
    place.refuse("one of the two dialogs is the beginning of the other; they must differ in an answer");
  if (chosen[shared].user != rejected[shared].user)
    place.refuse("the user's texts of turn ", shared + 1,
                 " differ; chosen and rejected must answer the same question, ",
                 in_quotes(chosen[shared].user), " or ", in_quotes(rejected[shared].user));
  set_dialog(r, chosen, shared);
  r.rejected = rejected[shared].assistant;
  r.rejected_later.assign(rejected.begin() + static_cast<std::ptrdiff_t>(shared) + 1, rejected.end());
}

}  // namespace CANDOR_NS::detail
