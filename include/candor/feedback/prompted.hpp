// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A language model that divides answers and asks, by prompt, in the form of RLAIF-V's released stages: it
/// lists under a header, a bullet a line. Any function that completes prompts will do: the policy without a
/// picture, or a server's model (complete_remotely).

#include <candor/feedback/claims.hpp>
#include <candor/feedback/questions.hpp>
#include <candor/feedback/remote_judge.hpp>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// Completes many prompts, one text each.
template <class C>
concept text_completer = requires(C complete, std::span<const std::string> prompts) {
  { complete(prompts) } -> std::same_as<std::vector<std::string>>;
};

/// The items of a list as the released code reads it: all lines but empty ones and those with "###", each
/// without its first character and the space around it. Numbers in front ("1. ") go too.
std::vector<std::string> parse_list(std::string_view text);

/// The prompt that asks for the facts of an answer under "### Facts:", and the one that asks for a question
/// for each of these sentences under "### Modified sentences:".
std::string facts_prompt(const answered& a);
std::string questions_prompt(std::span<const std::string> claims);

template <text_completer Complete>
class prompted_splitter {
 public:
  explicit prompted_splitter(Complete complete) : complete_(std::move(complete)) {}

  std::vector<std::vector<std::string>> split(std::span<const answered> answers) {
    std::vector<std::string> prompts;
    for (const auto& a : answers) prompts.push_back(facts_prompt(a));
    std::vector<std::vector<std::string>> claims;
    for (const auto& text : complete_(std::span<const std::string>(prompts)))
      claims.push_back(parse_list(text));
    return claims;
  }

 private:
  Complete complete_;
};

/// Claims that the model gives no question for get the rules' one.
template <text_completer Complete>
class prompted_questioner {
 public:
  explicit prompted_questioner(Complete complete) : complete_(std::move(complete)) {}

  std::vector<std::string> ask(std::span<const std::string> claims) {
    const std::vector<std::vector<std::string>> one{{claims.begin(), claims.end()}};
    return std::move(ask_each(one).front());
  }

  /// The same for the claims of many answers, result[answer][claim], with one prompt for each answer that claims
  /// something.
  std::vector<std::vector<std::string>> ask_each(std::span<const std::vector<std::string>> answers) {
    std::vector<std::string> prompts;
    for (const auto& claims : answers)
      if (!claims.empty()) prompts.push_back(questions_prompt(claims));
    const auto lists = prompts.empty() ? prompts : complete_(std::span<const std::string>(prompts));
    auto next = lists.begin();
    std::vector<std::vector<std::string>> out;
    for (const auto& claims : answers) {
      auto& questions = out.emplace_back();
      if (claims.empty()) continue;
      questions = parse_list(*next++);
      questions.resize(std::min(questions.size(), claims.size()));
      while (questions.size() < claims.size()) questions.push_back(polar_question(claims[questions.size()]));
    }
    return out;
  }

 private:
  Complete complete_;
};

/// Completions of a served model at temperature 0.
std::vector<std::string> complete_remotely(const endpoint_options& endpoint,
                                           std::span<const std::string> prompts,
                                           std::int64_t max_new_tokens = 512);

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/prompted_impl.hpp>
#endif
