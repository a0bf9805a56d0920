// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of chat_template.hpp: texts, folders and tokenisation.

#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/io/json_field_impl.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/text/chat_template.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace CANDOR_NS {
namespace detail {

inline constexpr std::string_view image_text = "<image>";
inline constexpr std::array<std::string_view, 3> template_names{"vicuna_v1", "llava_v1", "llava_hf"};

/// Everything before the first "USER:".
CANDOR_INLINE std::string_view system_text(chat_template::kind kind) {
  switch (kind) {
    case chat_template::kind::vicuna_v1:
      return "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
             "helpful, "
             "detailed, and polite answers to the user's questions. ";
    case chat_template::kind::llava_v1:
      return "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
             "helpful, "
             "detailed, and polite answers to the human's questions. ";
    default: return {};
  }
}

CANDOR_INLINE std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// Jinja text without what has no effect on the prompt: comments, the marks of generated text, white space at
/// the ends.
CANDOR_INLINE std::string plain_jinja(std::string text) {
  for (auto begin = text.find("{#"); begin != std::string::npos; begin = text.find("{#", begin)) {
    const auto end = text.find("#}", begin);
    if (end == std::string::npos) break;
    text.erase(begin, end + 2 - begin);
  }
  for (const std::string_view mark : {"{% generation %}", "{% endgeneration %}"})
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark))
      text.erase(at, mark.size());
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return {};
  text = text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
  // A newline in a Jinja string may stand as such or as an escape.
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at))
    text.replace(at, 1, "\\n");
  return text;
}

/// The template text of a folder and the file it is from.
CANDOR_INLINE std::optional<std::pair<std::string, std::string>> folder_template(
    const std::filesystem::path& folder) {
  std::error_code ignored;
  if (const auto path = folder / "chat_template.jinja"; std::filesystem::exists(path, ignored))
    return std::pair(read_file(path), path.string());
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    const auto path = folder / name;
    if (!std::filesystem::exists(path, ignored)) continue;
    const json document = read_json_file(path);
    const json_field root(document, path.string());
    if (const auto text = root.find("chat_template")) return std::pair(text->string(), path.string());
  }
  return std::nullopt;
}

CANDOR_INLINE bool is_original_llava(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto path = folder / "config.json";
  if (!std::filesystem::exists(path, ignored)) return false;
  const json document = read_json_file(path);
  const json_field root(document, path.string());
  if (root.string_or("model_type", "") == "llava_llama") return true;
  const auto architectures = root.find("architectures");
  return root.has("mm_vision_tower") || (architectures && !architectures->items().empty() &&
                                         architectures->items().front().string() == "LlavaLlamaForCausalLM");
}

/// Ids of one unit of text. `at_start`: it begins the dialog; otherwise it stands after `</s>`.
CANDOR_INLINE std::vector<std::int32_t> unit_ids(const tokenizer& words, chat_template::kind kind,
                                                 std::string_view text, bool at_start) {
  std::vector<std::int32_t> ids;
  if (kind == chat_template::kind::llava_hf && words.image()) {
    ids = words.encode(text, {.bos = at_start, .continues = !at_start});
    std::replace(ids.begin(), ids.end(), *words.image(), image_mark);
    return ids;
  }
  bool continues = !at_start;
  for (bool bos = at_start;; bos = false) {
    const auto mark = text.find(image_text);
    const auto chunk = words.encode(text.substr(0, mark), {.bos = bos, .continues = continues});
    ids.insert(ids.end(), chunk.begin(), chunk.end());
    if (mark == std::string_view::npos) return ids;
    ids.push_back(image_mark);
    text.remove_prefix(mark + image_text.size());
    continues = false;  // LLaVA tokenises the next chunk as a text of its own
  }
}

/// The texts of a dialog after its images have been checked.
struct dialog_texts {
  std::vector<turn> turns;
  std::optional<std::string> user;  ///< a last question without answer
};

CANDOR_INLINE dialog_texts with_images(std::span<const turn> turns, const std::string* user,
                                       std::size_t images, std::string_view where) {
  const std::string place = where.empty() ? std::string() : text(where, ": ");
  dialog_texts out{{turns.begin(), turns.end()}, user ? std::optional(*user) : std::nullopt};
  require<input_error>(!out.turns.empty() || out.user, place, "the dialog has no turn");
  std::size_t marks = out.user ? count_of(*out.user, image_text) : 0;
  for (const auto& t : out.turns) {
    marks += count_of(t.user, image_text);
    require<input_error>(t.assistant.find(image_text) == std::string::npos, place,
                         "an answer holds an <image> mark; images belong to the user's text");
  }
  if (marks == 0) {
    std::string& first = out.turns.empty() ? *out.user : out.turns.front().user;
    for (std::size_t i = 0; i < images; ++i) first.insert(0, "<image>\n");
    marks = images;
  }
  require<input_error>(marks == images, place, "the text has ", marks,
                       marks == 1 ? " <image> mark" : " <image> marks", ", but there ",
                       images == 1 ? "is " : "are ", images, images == 1 ? " image" : " images",
                       "; give one mark for each image, or none");
  return out;
}

/// Encodes one unit after the other.
class dialog_encoder {
 public:
  dialog_encoder(const tokenizer& words, chat_template::kind kind, std::string_view where)
      : words_(words), kind_(kind), where_(where) {
    require<input_error>(words.bos() >= 0 && words.eos() >= 0,
                         "the tokenizer lacks <s> or </s>, which the template ",
                         template_names[static_cast<std::size_t>(kind)], " needs");
  }

  void prompt(const std::string& user) {
    const bool first = dialog_.segments.empty();
    const std::string before = text(first ? system_text(kind_) : std::string_view(), "USER:");
    const std::string question = text(before, " ", user);
    prompt_ = text(question, " ASSISTANT:");
    segment_tokens s;
    s.ids = unit_ids(words_, kind_, prompt_, first);
    const auto head = unit_ids(words_, kind_, before, first), most = unit_ids(words_, kind_, question, first);
    if (begins_with(s.ids, head)) s.head = head.size();
    if (begins_with(s.ids, most)) s.tail = s.ids.size() - most.size();
    dialog_.segments.push_back(std::move(s));
  }

  segment_tokens answer(const std::string& assistant) const {
    const auto& prompt = dialog_.segments.back().ids;
    auto joint = unit_ids(words_, kind_, text(prompt_, " ", assistant), dialog_.segments.size() == 1);
    if (!begins_with(joint, prompt))
      fail<input_error>(where_, where_.empty() ? "" : ": ",
                        "the tokenizer joins the end of the prompt \"ASSISTANT:\" with ",
                        "the beginning of the answer \"", assistant.substr(0, 20),
                        "\" in one piece, so that prompt and ",
                        "answer have no boundary; this vocabulary cannot be used with this template");
    joint.erase(joint.begin(), joint.begin() + static_cast<std::ptrdiff_t>(prompt.size()));
    joint.push_back(words_.eos());
    return {.ids = std::move(joint), .answer = true};
  }

  void append(segment_tokens s) { dialog_.segments.push_back(std::move(s)); }
  const segment_tokens& last() const { return dialog_.segments.back(); }
  encoded_dialog take() { return std::move(dialog_); }

 private:
  static bool begins_with(const std::vector<std::int32_t>& all, const std::vector<std::int32_t>& part) {
    return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
  }

  const tokenizer& words_;
  chat_template::kind kind_;
  std::string_view where_;
  std::string prompt_;  // the unit's text up to the answer
  encoded_dialog dialog_;
};

CANDOR_INLINE dialog_encoder encode_texts(const tokenizer& words, chat_template::kind kind,
                                          const dialog_texts& texts, std::string_view where) {
  dialog_encoder out(words, kind, where);
  for (const auto& t : texts.turns) {
    out.prompt(t.user);
    out.append(out.answer(t.assistant));
  }
  if (texts.user) out.prompt(*texts.user);
  return out;
}

}  // namespace detail

CANDOR_INLINE std::vector<std::int32_t> encoded_dialog::ids() const {
  std::vector<std::int32_t> out;
  for (const auto& s : segments) out.insert(out.end(), s.ids.begin(), s.ids.end());
  return out;
}

CANDOR_INLINE std::vector<std::int32_t> encoded_dialog::labels(std::int32_t ignore) const {
  std::vector<std::int32_t> out;
  for (const auto& s : segments) {
    if (s.answer)
      out.insert(out.end(), s.ids.begin(), s.ids.end());
    else
      out.insert(out.end(), s.ids.size(), ignore);
  }
  return out;
}

CANDOR_INLINE std::size_t encoded_dialog::images() const {
  std::size_t n = 0;
  for (const auto& s : segments)
    n += static_cast<std::size_t>(std::count(s.ids.begin(), s.ids.end(), image_mark));
  return n;
}

CANDOR_INLINE std::size_t encoded_dialog::length(std::size_t image_tokens) const {
  std::size_t n = 0;
  for (const auto& s : segments) n += s.ids.size();
  return n - images() + images() * image_tokens;
}

CANDOR_INLINE std::string_view chat_template::name() const {
  return detail::template_names[static_cast<std::size_t>(kind_)];
}

CANDOR_INLINE chat_template chat_template::named(std::string_view name) {
  for (std::size_t i = 0; i < detail::template_names.size(); ++i)
    if (name == detail::template_names[i]) return chat_template(static_cast<kind>(i));
  fail<usage_error>("unknown chat template \"", name, "\"; expected vicuna_v1, llava_v1, llava_hf or auto");
}

CANDOR_INLINE chat_template chat_template::of_folder(const std::filesystem::path& folder,
                                                     std::string_view name) {
  if (name != "auto") return named(name);
  const auto found = detail::folder_template(folder);
  if (!found) {
    if (detail::is_original_llava(folder)) return chat_template(kind::vicuna_v1);
    fail<input_error>(folder.string(),
                      ": has no chat template (chat_template.jinja, chat_template.json or chat_template ",
                      "in tokenizer_config.json); choose vicuna_v1, llava_v1 or llava_hf instead of auto");
  }
  for (const auto k : {kind::vicuna_v1, kind::llava_v1, kind::llava_hf})
    if (detail::plain_jinja(found->first) == detail::plain_jinja(chat_template(k).jinja()))
      return chat_template(k);
  fail<input_error>(found->second,
                    ": this chat template is none that candor knows. Choose vicuna_v1, llava_v1 or ",
                    "llava_hf where one of them gives the same text. The template is:\n", found->first);
}

CANDOR_INLINE std::string chat_template::jinja() const {
  const std::string_view images =
      "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\\n' }}{% "
      "endfor %}";
  const std::string_view each_text =
      "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}";
  const auto answered = [&](std::string_view end) {
    return text(each_text, "{% generation %}{{ content['text'] + '", end,
                "'}}{% endgeneration %}{% endfor %}");
  };
  const std::string asked = text(each_text, "{{ content['text'] + ' '}}{% endfor %}");
  const std::string_view last =
      "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";
  if (kind_ == kind::llava_hf)  // as in the llava-hf 1.5 folders
    return text(
        "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': "
        "'}}",
        "{% endif %}{# Render all images first #}", images, "{# Render all text next #}",
        "{% if message['role'] != 'assistant' %}", asked, "{% else %}", answered(" "), last);
  return text("{{ \"", detail::system_text(kind_), "\" }}{% for message in messages %}",
              "{{ message['role'].upper() + ': '}}", images, "{% if message['role'] != 'assistant' %}", asked,
              "{% else %}", answered("</s>"), last);
}

CANDOR_INLINE std::string chat_template::render(std::span<const turn> turns, const std::string* user) const {
  std::string out(detail::system_text(kind_));
  for (const auto& t : turns) out += text("USER: ", t.user, " ASSISTANT: ", t.assistant, "</s>");
  if (user != nullptr) out += text("USER: ", *user, " ASSISTANT:");
  return out;
}

CANDOR_INLINE encoded_dialog chat_template::encode(const tokenizer& words, std::span<const turn> turns,
                                                   std::size_t images, std::string_view where) const {
  return detail::encode_texts(words, kind_, detail::with_images(turns, nullptr, images, where), where).take();
}

CANDOR_INLINE encoded_dialog chat_template::encode_prompt(const tokenizer& words,
                                                          std::span<const turn> earlier,
                                                          const std::string& user, std::size_t images,
                                                          std::string_view where) const {
  return detail::encode_texts(words, kind_, detail::with_images(earlier, &user, images, where), where).take();
}

CANDOR_INLINE encoded_branches chat_template::encode_branches(
    const tokenizer& words, std::span<const turn> earlier, const std::string& user,
    std::span<const std::string> answers, std::size_t images, std::string_view where) const {
  std::vector<dialog_path> paths;
  for (const auto& a : answers) paths.push_back({a});
  return encode_branches(words, earlier, user, paths, images, where);
}

CANDOR_INLINE encoded_branches chat_template::encode_branches(
    const tokenizer& words, std::span<const turn> earlier, const std::string& user,
    std::span<const dialog_path> paths, std::size_t images, std::string_view where) const {
  auto encoder =
      detail::encode_texts(words, kind_, detail::with_images(earlier, &user, images, where), where);
  encoded_branches out;
  for (const auto& path : paths) {
    bool marked = path.answer.find(detail::image_text) != std::string::npos;
    for (const auto& t : path.later)
      marked = marked || (t.user + t.assistant).find(detail::image_text) != std::string::npos;
    require<input_error>(!marked, where, where.empty() ? "" : ": ",
                         "an answer, or a text after it, holds an <image> mark; images belong to the user's text before it");
    out.answers.push_back(encoder.answer(path.answer));
    auto& later = out.later.emplace_back();
    if (path.later.empty()) continue;
    auto branch = encoder;
    branch.append(out.answers.back());
    for (const auto& t : path.later) {
      branch.prompt(t.user);
      later.push_back(branch.last());
      later.push_back(branch.answer(t.assistant));
      branch.append(later.back());
    }
  }
  out.stem = encoder.take();
  return out;
}

}  // namespace CANDOR_NS
