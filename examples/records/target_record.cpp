// SPDX-License-Identifier: Apache-2.0
#include "records/target_record.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace records {
namespace {

using candor::preference_record;
using candor::turn;
using json = nlohmann::ordered_json;

constexpr std::string_view mark = "<image>";

bool is_image_pair(const preference_record& r) { return r.shown_images() < r.images.size(); }

/// A number where it reads back as the same id, as RLHF-V has it; the other forms have texts.
json idx_of(const preference_record& r) {
  std::int64_t n = 0;
  const char* const end = r.id.data() + r.id.size();
  const auto parsed = std::from_chars(r.id.data(), end, n);
  if (parsed.ec == std::errc() && parsed.ptr == end && std::to_string(n) == r.id) return n;
  return r.id;
}

json conversation(std::span<const turn> turns) {
  json out = json::array();
  for (const auto& t : turns) {
    out.push_back({{"from", "human"}, {"value", t.user}});
    out.push_back({{"from", "gpt"}, {"value", t.assistant}});
  }
  return out;
}

json messages(std::span<const turn> turns) {
  json out = json::array();
  for (const auto& t : turns) {
    out.push_back({{"role", "user"}, {"content", t.user}});
    out.push_back({{"role", "assistant"}, {"content", t.assistant}});
  }
  return out;
}

json text_part(std::string_view words) { return {{"type", "text"}, {"text", words}}; }

/// TRL's content: a part for each image, and the text around them.
json parts(std::string_view words) {
  json out = json::array();
  for (auto at = words.find(mark); at != words.npos; at = words.find(mark)) {
    if (at > 0) out.push_back(text_part(words.substr(0, at)));
    out.push_back({{"type", "image"}});
    words.remove_prefix(at + mark.size());
    if (words.starts_with('\n')) words.remove_prefix(1);
  }
  if (!words.empty()) out.push_back(text_part(words));
  return out;
}

json trl_answer(const std::string& words) {
  return {{"role", "assistant"}, {"content", json::array({text_part(words)})}};
}
json trl_question(const std::string& words) { return {{"role", "user"}, {"content", parts(words)}}; }

/// The answer of turn `first`, and the turns after it.
json trl_completion(std::span<const turn> turns, std::size_t first) {
  json out = json::array({trl_answer(turns[first].assistant)});
  for (const auto& t : turns.subspan(first + 1)) {
    out.push_back(trl_question(t.user));
    out.push_back(trl_answer(t.assistant));
  }
  return out;
}

/// One image as its name, several as a list; under `images` and its like always a list.
void add_images(json& out, std::string_view key, const std::vector<std::string>& images) {
  if (images.empty()) return;
  if (key == "image" && images.size() == 1)
    out[key] = images.front();
  else
    out[key] = images;
}

json to_rlhf_v(const preference_record& r, const std::vector<std::string>& images) {
  if (r.rejected.empty()) throw unsuited{"no rejected answer"};
  if (is_image_pair(r)) throw unsuited{"two images, of which the text is about one"};
  if (!r.earlier.empty() || !r.chosen_later.empty() || !r.rejected_later.empty())
    throw unsuited{"several turns"};
  json out{{"idx", idx_of(r)}};
  add_images(out, "image", images);
  out.update({{"question", r.question}, {"chosen", r.chosen}, {"rejected", r.rejected}});
  return out;
}

json to_trl(const preference_record& r, const std::vector<std::string>& images) {
  if (is_image_pair(r)) throw unsuited{"two images, of which the text is about one"};
  const auto chosen = marked_dialog(r, true), rejected = marked_dialog(r, false);
  json out{{"id", r.id}};
  add_images(out, "images", images);
  json prompt = json::array();
  for (std::size_t i = 0; i < r.earlier.size(); ++i) {
    prompt.push_back(trl_question(chosen[i].user));
    prompt.push_back(trl_answer(chosen[i].assistant));
  }
  prompt.push_back(trl_question(chosen[r.earlier.size()].user));
  out["prompt"] = std::move(prompt);
  out[r.rejected.empty() ? "completion" : "chosen"] = trl_completion(chosen, r.earlier.size());
  if (!r.rejected.empty()) out["rejected"] = trl_completion(rejected, r.earlier.size());
  return out;
}

json to_conversations(const preference_record& r, const std::vector<std::string>& images, bool pairs) {
  if (pairs && r.rejected.empty() && !is_image_pair(r)) throw unsuited{"no rejected answer"};
  const auto dialog = marked_dialog(r, true);
  // Fine-tuning scores the first answer, and images stand before what is scored.
  const auto late = [](const turn& t) { return t.user.find(mark) != t.user.npos; };
  if (!pairs && std::any_of(dialog.begin() + 1, dialog.end(), late))
    throw unsuited{"an image behind the first answer"};
  json out{{"id", r.id}};
  add_images(out, "image", images);
  out["conversations"] = conversation(dialog);
  if (pairs && !r.rejected.empty()) out["rejected_conversations"] = conversation(marked_dialog(r, false));
  return out;
}

json to_llava_rlhf(const preference_record& r, const std::vector<std::string>& images) {
  if (r.rejected.empty()) throw unsuited{"no rejected answer"};
  if (!r.chosen_later.empty() || !r.rejected_later.empty()) throw unsuited{"turns after the answers"};
  json out{{"id", r.id}};
  add_images(out, "image", images);
  auto dialog = conversation(marked_dialog(r, true));
  dialog.erase(dialog.size() - 1);
  out["conversations"] = std::move(dialog);
  const auto output = [](const std::string& words) { return json{{"from", "llava"}, {"value", words}}; };
  out.update({{"output_1", output(r.chosen)}, {"output_2", output(r.rejected)}, {"preference", 1}});
  return out;
}

json to_llama_factory(const preference_record& r, const std::vector<std::string>& images) {
  if (is_image_pair(r)) throw unsuited{"two images, of which the text is about one"};
  if (!r.rejected.empty() && (!r.chosen_later.empty() || !r.rejected_later.empty()))
    throw unsuited{"turns after the answers"};
  json out{{"id", r.id}};
  auto dialog = conversation(marked_dialog(r, true));
  if (!r.rejected.empty()) dialog.erase(dialog.size() - 1);
  out["conversations"] = std::move(dialog);
  if (!r.rejected.empty()) {
    out["chosen"] = {{"from", "gpt"}, {"value", r.chosen}};
    out["rejected"] = {{"from", "gpt"}, {"value", r.rejected}};
  }
  add_images(out, "images", images);
  return out;
}

json to_ms_swift(const preference_record& r, const std::vector<std::string>& images) {
  json out{{"id", r.id}, {"messages", messages(marked_dialog(r, true))}};
  if (!r.rejected.empty()) {
    if (r.chosen_later.empty() && r.rejected_later.empty())
      out["rejected_response"] = r.rejected;
    else
      out["rejected_messages"] = messages(marked_dialog(r, false));
  }
  if (is_image_pair(r)) {
    add_images(out, "images", {images.front()});
    add_images(out, "rejected_images", {images.back()});
  } else {
    add_images(out, "images", images);
  }
  return out;
}

json in_form(const preference_record& r, target_form to, const std::vector<std::string>& images) {
  switch (to) {
    case target_form::rlhf_v: return to_rlhf_v(r, images);
    case target_form::trl: return to_trl(r, images);
    case target_form::povid: return to_conversations(r, images, true);
    case target_form::llava: return to_conversations(r, images, false);
    case target_form::llava_rlhf: return to_llava_rlhf(r, images);
    case target_form::llama_factory: return to_llama_factory(r, images);
    case target_form::ms_swift: return to_ms_swift(r, images);
  }
  candor::fail<candor::usage_error>("unknown form");
}

}  // namespace

std::vector<turn> marked_dialog(const preference_record& r, bool chosen) {
  std::vector<turn> out = r.earlier;
  out.push_back({r.question, chosen ? r.chosen : r.rejected});
  const auto& later = chosen ? r.chosen_later : r.rejected_later;
  out.insert(out.end(), later.begin(), later.end());
  const bool marked =
      std::any_of(out.begin(), out.end(), [](const turn& t) { return t.user.find(mark) != t.user.npos; });
  if (marked) return out;
  for (std::size_t i = 0; i < r.shown_images(); ++i) out.front().user.insert(0, std::string(mark) + "\n");
  return out;
}

json target_record(const preference_record& r, target_form to, const std::vector<std::string>& images) {
  json out = in_form(r, to, images);
  if (!std::isnan(r.margin)) out["margin"] = r.margin;
  if (!r.others.empty()) out["others"] = r.others;
  return out;
}

}  // namespace records
