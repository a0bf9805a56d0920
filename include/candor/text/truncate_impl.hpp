// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of truncate.hpp.

#include <candor/core/error.hpp>
#include <candor/text/truncate.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace CANDOR_NS {
namespace detail {

/// Removes up to `wanted` ids of a question, from its beginning or its end, passing over image marks.
CANDOR_INLINE std::size_t shorten_question(segment_tokens& prompt, std::size_t wanted, keep_part keep) {
  auto& ids = prompt.ids;
  std::size_t removed = 0, at = keep == keep_part::end ? prompt.head : ids.size() - prompt.tail;
  if (keep == keep_part::end) {
    while (removed < wanted && at + prompt.tail < ids.size()) {
      if (ids[at] == image_mark) {
        ++at;
        continue;
      }
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at));
      ++removed;
    }
  } else {
    while (removed < wanted && at > prompt.head) {
      --at;
      if (ids[at] == image_mark) continue;
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at));
      ++removed;
    }
  }
  return removed;
}

CANDOR_INLINE std::size_t shorten_questions(encoded_dialog& dialog, std::size_t wanted, keep_part keep) {
  std::vector<segment_tokens*> prompts;
  for (auto& s : dialog.segments)
    if (!s.answer) prompts.push_back(&s);
  if (keep == keep_part::start) std::reverse(prompts.begin(), prompts.end());
  std::size_t removed = 0;
  for (auto* p : prompts) removed += shorten_question(*p, wanted - removed, keep);
  return removed;
}

/// Fits `fixed` tokens before the answers and the answers, each of which stands for itself.
CANDOR_INLINE shorten_result fit_parts(encoded_dialog& dialog, const std::vector<segment_tokens*>& answers,
                                   std::size_t fixed, const shorten_options& options, std::string_view where) {
  std::size_t longest = 0;
  for (const auto* a : answers) longest = std::max(longest, a->ids.size());
  shorten_result result;
  const std::size_t length = fixed + longest;
  if (length <= options.max_length) return result;
  if (options.cut_questions)
    result.questions = shorten_questions(dialog, length - options.max_length, options.questions);
  fixed -= result.questions;
  if (fixed + longest <= options.max_length) return result;

  const std::size_t room = options.max_length > fixed ? options.max_length - fixed : 0;
  const bool cuts = options.cut_answers && !answers.empty();
  if (!cuts || room < std::max<std::size_t>(options.min_answer, 1))
    fail<input_error>(
        where, where.empty() ? "" : ": ", "the record needs ", length, " tokens, ", dialog.images(), " x ",
        options.image_tokens, " of them for images; the maximum is ", options.max_length,
        cuts ? " and leaves no room for an answer beside the images and the template"
             : " and what may be cut does not suffice",
        ". Raise the maximum length (--max-length)", cuts ? "" : ", allow to cut more (--cut-answers true),", " or leave the record out");
  result.answers = longest - room;
  for (auto* a : answers)
    if (a->ids.size() > room) a->ids.resize(room);
  return result;
}

/// Leaves out the last turns until what is before them and they fit; returns the tokens that went.
CANDOR_INLINE std::size_t drop_turns(std::vector<segment_tokens>& later, std::size_t before,
                                     const shorten_options& options, std::string_view where) {
  std::size_t length = before, left_out = 0;
  for (const auto& s : later) length += s.ids.size();
  require<input_error>(later.empty() || length <= options.max_length || options.cut_answers, where, where.empty() ? "" : ": ",
                       "the dialog needs ", length, " tokens; the maximum is ", options.max_length,
                       ". Raise the maximum length (--max-length), allow to leave out its last turns (--cut-answers true), ",
                       "or leave the record out");
  while (length - left_out > options.max_length && !later.empty())
    for (int part = 0; part < 2; ++part) {  // an answer and its question
      left_out += later.back().ids.size();
      later.pop_back();
    }
  return left_out;
}

}  // namespace detail

CANDOR_INLINE shorten_result shorten(encoded_dialog& dialog, const shorten_options& options, std::string_view where) {
  std::vector<segment_tokens*> last;
  if (!dialog.segments.empty() && dialog.segments.back().answer) last.push_back(&dialog.segments.back());
  const std::size_t fixed =
      dialog.length(options.image_tokens) - (last.empty() ? 0 : last.front()->ids.size());
  return detail::fit_parts(dialog, last, fixed, options, where);
}

CANDOR_INLINE shorten_result shorten(encoded_branches& branches, const shorten_options& options, std::string_view where) {
  const std::size_t stem = branches.stem.length(options.image_tokens);
  std::size_t left_out = 0;
  for (std::size_t a = 0; a < branches.later.size(); ++a)
    left_out = std::max(left_out, detail::drop_turns(branches.later[a], stem + branches.answers[a].ids.size(), options, where));
  std::vector<segment_tokens*> answers;
  for (auto& a : branches.answers) answers.push_back(&a);
  auto result = detail::fit_parts(branches.stem, answers, stem, options, where);
  result.answers = std::max(result.answers, left_out);
  return result;
}

}  // namespace CANDOR_NS
