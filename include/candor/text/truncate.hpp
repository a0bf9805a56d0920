// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Dialogs that are too long: the questions' text is shortened first, then the last answer; images, and the
/// template's own words, are never cut.

#include <candor/core/config.hpp>
#include <candor/text/chat_template.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace CANDOR_NS {

/// Which part of a question survives.
enum class keep_part : std::uint8_t {
  end,   ///< the oldest questions lose their beginnings first
  start  ///< the newest questions lose their ends first
};

struct shorten_options {
  std::size_t max_length = 2048;   ///< tokens, images counted in full
  std::size_t image_tokens = 576;  ///< tokens of one image
  keep_part questions = keep_part::end;
  bool cut_questions = true;
  bool cut_answers = true;
  std::size_t min_answer = 1;  ///< tokens that must be left of a cut answer
};

/// Tokens that were removed; of several branches, the most that one lost.
struct shorten_result {
  std::size_t questions = 0, answers = 0;
};

/// Shortens the dialog to `max_length` tokens. A cut answer loses its `</s>`.
/// input_error, beginning with `where` and saying what would help, where that cannot be done; the dialog is
/// then spoilt.
shorten_result shorten(encoded_dialog& dialog, const shorten_options& options, std::string_view where = {});

/// The same for several answers to one prompt: the stem with each answer fits; the prompt stays the same for
/// all. Where answers may be cut, the turns after one that do not fit are left out first, the last ones before
/// the others; where not, such a record is refused.
shorten_result shorten(encoded_branches& branches, const shorten_options& options, std::string_view where = {});

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/text/truncate_impl.hpp>
#endif
