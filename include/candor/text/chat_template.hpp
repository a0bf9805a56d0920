// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// From turns of a dialog to ids of prompts and answers with known boundaries, so that labels never come from
/// re-tokenising and subtracting.
///
/// Text of vicuna_v1 and llava_v1 (LLaVA's conversation.py; they differ in the system text):
///     {system} USER: {user} ASSISTANT: {assistant}</s>USER: {user} ASSISTANT: {assistant}</s>
/// llava_hf is the same without the system text: the prompt that llava-hf's processor makes. (That template
/// puts a space instead of `</s>` after earlier answers; here every answer ends with `</s>`, since it is
/// scored.)

#include <candor/core/config.hpp>
#include <candor/text/tokenizer.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// One question with its answer.
struct turn {
  std::string user, assistant;
};

/// A run of ids that is prompt or answer as a whole.
struct segment_tokens {
  std::vector<std::int32_t> ids;  ///< image_mark stands for an image
  bool answer = false;            ///< scored: the first piece after "ASSISTANT:" through `</s>`
  std::size_t head = 0;  ///< ids at the beginning of a prompt that are the template's: BOS, system, "USER:"
  std::size_t tail = 0;  ///< ids at its end that are the template's: "ASSISTANT:"
  friend bool operator==(const segment_tokens&, const segment_tokens&) = default;
};

/// Prompt, answer, prompt, answer, ...; a dialog that waits for an answer ends with a prompt.
struct encoded_dialog {
  std::vector<segment_tokens> segments;

  /// All ids in order.
  std::vector<std::int32_t> ids() const;
  /// The ids of answers, `ignore` at all other places.
  std::vector<std::int32_t> labels(std::int32_t ignore = -100) const;
  /// Number of image marks.
  std::size_t images() const;
  /// Number of tokens where an image has `image_tokens` of them.
  std::size_t length(std::size_t image_tokens) const;
};

/// An answer with the turns after it.
struct dialog_path {
  std::string answer;
  std::vector<turn> later = {};
};

/// Several answers to one prompt.
struct encoded_branches {
  encoded_dialog stem;  ///< ends with a prompt
  std::vector<segment_tokens> answers;
  /// Of each answer: prompt, answer, prompt, answer, ... of the turns after it; empty where no dialog goes on.
  std::vector<std::vector<segment_tokens>> later = {};
};

class chat_template {
 public:
  enum class kind : std::uint8_t { vicuna_v1, llava_v1, llava_hf };

  explicit chat_template(kind k) : kind_(k) {}
  /// vicuna_v1, llava_v1 or llava_hf; usage_error for other names.
  static chat_template named(std::string_view name);
  /// By name, or for "auto" the folder's own: the text of chat_template.jinja, chat_template.json or
  /// tokenizer_config.json (the first that is there) where it is a known one; a folder without one whose
  /// config.json is an original LLaVA's has vicuna_v1. input_error with the text where it is unknown.
  static chat_template of_folder(const std::filesystem::path& folder, std::string_view name = "auto");

  kind which() const { return kind_; }
  std::string_view name() const;
  /// The template as Jinja text, for a folder that transformers is to read. `auto` knows it again.
  std::string jinja() const;
  /// The dialog as text, `</s>` and `<image>` written out; ends with "ASSISTANT:" where `user` is given.
  std::string render(std::span<const turn> turns, const std::string* user = nullptr) const;

  /// A dialog with all its answers.
  ///
  /// `<image>` in a user's text is an image. Where `images` > 0 and no text has one, "<image>\n" is put in
  /// front of the first user's text, once an image; otherwise their number must be `images`. Texts are used
  /// as they are.
  ///
  /// vicuna_v1 and llava_v1 tokenise as LLaVA does: each chunk between `<image>` marks as a text of its own.
  /// llava_hf tokenises around the added token `<image>` where the tokenizer has one, as the processor does.
  ///
  /// A turn is tokenised with and without its answer; the answer is what the first has beyond the second.
  /// Where the first does not begin with the second (a vocabulary with a piece across "ASSISTANT:" and the
  /// space after it; LLaMA's has none), prompt and answer have no boundary, and the dialog is refused.
  ///
  /// Errors: input_error that begins with `where` (the record's file and line).
  encoded_dialog encode(const tokenizer& words, std::span<const turn> turns, std::size_t images,
                        std::string_view where = {}) const;
  /// The ids before an answer: earlier turns, then a question.
  encoded_dialog encode_prompt(const tokenizer& words, std::span<const turn> earlier, const std::string& user,
                               std::size_t images, std::string_view where = {}) const;
  /// Several answers to one question; the prompt is tokenised once and is the same for all.
  encoded_branches encode_branches(const tokenizer& words, std::span<const turn> earlier,
                                   const std::string& user, std::span<const std::string> answers,
                                   std::size_t images, std::string_view where = {}) const;
  /// The same for answers after which the dialog goes on, each in its own way.
  encoded_branches encode_branches(const tokenizer& words, std::span<const turn> earlier,
                                   const std::string& user, std::span<const dialog_path> paths,
                                   std::size_t images, std::string_view where = {}) const;

 private:
  kind kind_;
};

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/chat_template_impl.hpp>
#endif
