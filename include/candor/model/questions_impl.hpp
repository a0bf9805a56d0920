// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Questions about one image as a forest, and the words that answer them.

#include <candor/model/questions.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace CANDOR_NS {

CANDOR_INLINE std::vector<std::int32_t> single_token_words(const processor& p,
                                                           std::span<const std::string> words) {
  const auto encoded = p.chat().encode_branches(p.words(), {}, "?", words, 0);
  std::vector<std::int32_t> out;
  for (const auto& answer : encoded.answers)
    if (answer.ids.size() == 2) out.push_back(answer.ids.front());  // the word and </s>
  return out;
}

CANDOR_INLINE yes_no_tokens yes_no_tokens_of(const processor& p) {
  const std::array<std::string, 2> yes = {"yes", "Yes"}, no = {"no", "No"};
  yes_no_tokens out{single_token_words(p, yes), single_token_words(p, no)};
  require<input_error>(!out.yes.empty() && !out.no.empty(), "the tokenizer has no single token for ",
                       out.yes.empty() ? "yes or Yes" : "no or No",
                       " at the beginning of an answer; name the tokens of its answers in yes_no_tokens");
  return out;
}

CANDOR_INLINE forest question_tree(const processor& p, std::span<const std::string> questions,
                                   std::size_t images, std::string_view where) {
  std::vector<segment> prompts;
  forest f;
  for (const auto& question : questions) {
    auto whole = p.tree(p.encode(question, std::span<const std::string>(), images, where));
    f.images = whole.images;
    f.feature_rows = whole.feature_rows;
    prompts.push_back(std::move(whole.segments.front()));
  }
  if (prompts.empty()) return f;
  const auto& first = prompts.front().tokens;
  std::ptrdiff_t common =
      static_cast<std::ptrdiff_t>(first.size()) - 1;  // each branch keeps a token to be read at
  for (const auto& prompt : prompts) {
    const auto end = std::min(common, static_cast<std::ptrdiff_t>(prompt.tokens.size()) - 1);
    common = std::mismatch(first.begin(), first.begin() + end, prompt.tokens.begin()).first - first.begin();
  }
  f.segments.push_back({.tokens = {first.begin(), first.begin() + common}});  // <s> at least
  for (const auto& prompt : prompts)
    f.segments.push_back({.tokens = {prompt.tokens.begin() + common, prompt.tokens.end()}, .parent = 0});
  return f;
}

}  // namespace CANDOR_NS
