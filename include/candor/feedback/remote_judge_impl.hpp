// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Bodies of feedback/remote_judge.hpp: requests and replies in JSON.

#include <candor/core/error.hpp>
#include <candor/core/random.hpp>
#include <candor/feedback/remote_judge.hpp>
#include <candor/io/base64.hpp>
#include <candor/io/json_impl.hpp>

#include <cctype>
#include <cmath>
#include <string_view>
#include <utility>

namespace CANDOR_NS {
namespace detail {

/// A message of pictures and a question, with the other fields of the request.
CANDOR_INLINE std::string chat_request(const endpoint_options& o, std::span<const image_source> images,
                                       const std::string& question, json fields) {
  json content = json::array();
  for (const auto& image : images) {
    const std::string bytes = image.read(o.max_image_bytes);
    const char* type = bytes.starts_with("\x89PNG") ? "image/png" : "image/jpeg";
    content.push_back(
        {{"type", "image_url"}, {"image_url", {{"url", text("data:", type, ";base64,", base64(bytes))}}}});
  }
  content.push_back({{"type", "text"}, {"text", question}});
  fields["model"] = o.model;
  fields["messages"] = json::array({{{"role", "user"}, {"content", std::move(content)}}});
  return fields.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The first choice of a reply, or null with what is wrong.
CANDOR_INLINE json first_choice(const std::string& body, std::string& problem) {
  json reply;
  try {
    reply = parse_json(body, {.file = "the server's answer"});
  } catch (const input_error& e) {
    problem = e.what();
    return nullptr;
  }
  const auto choices = reply.is_object() ? reply.find("choices") : reply.end();
  if (!reply.is_object() || choices == reply.end() || !choices->is_array() || choices->empty() ||
      !(*choices)[0].is_object()) {
    problem = "the server's answer has no choices: " + body.substr(0, 200);
    return nullptr;
  }
  return (*choices)[0];
}

/// "yes" of " Yes", "Yes." and "yes"
CANDOR_INLINE std::string plain_word(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!out.empty())
      break;
  }
  return out;
}

/// choice.message.content, where it is a text.
CANDOR_INLINE const std::string* content_of(const json& choice) {
  const auto message = choice.find("message");
  if (message == choice.end() || !message->is_object()) return nullptr;
  const auto content = message->find("content");
  return content != message->end() && content->is_string() ? content->get_ptr<const std::string*>() : nullptr;
}

CANDOR_INLINE read_verdict verdict_of_reply(const std::string& body, std::string_view one,
                                            std::string_view other) {
  read_verdict out;
  const json choice = first_choice(body, out.problem);
  if (!out.problem.empty()) return out;
  const json::json_pointer place("/logprobs/content/0/top_logprobs");
  if (choice.contains(place) && choice[place].is_array())
    for (const auto& alternative : choice[place]) {
      if (!alternative.is_object() || !alternative.contains("token") || !alternative.contains("logprob"))
        continue;
      if (!alternative["token"].is_string() || !alternative["logprob"].is_number()) continue;
      const std::string word = plain_word(alternative["token"].get_ref<const std::string&>());
      const double p = std::min(1.0, std::exp(alternative["logprob"].get<double>()));
      if (word == one) out.verdict.yes += p;
      if (word == other) out.verdict.no += p;
    }
  if (out.verdict.yes + out.verdict.no > 0) return out;
  out.without_log_probs = true;
  const std::string* content = content_of(choice);
  const std::string word = content != nullptr ? plain_word(*content) : "";
  out.unreadable = word != one && word != other;
  out.verdict = {word == one ? 1.0 : 0.0, word == other ? 1.0 : 0.0};
  return out;
}

/// A question about pictures, as it is sent.
struct remote_question {
  std::span<const image_source> images;
  std::string text;
};

/// How likely a server's model answers each question with one word, and with another one; what the cache
/// knows is not asked.
CANDOR_INLINE std::vector<yes_no_answer> read_words_remotely(const endpoint_options& o,
                                                             std::span<const remote_question> questions,
                                                             std::string_view one, std::string_view other,
                                                             verdict_cache* cache, remote_counts& counts) {
  std::vector<yes_no_answer> verdicts(questions.size());
  std::vector<std::size_t> asked;
  std::vector<std::string> keys, bodies;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const auto& [images, text] = questions[q];
    std::string key = cache != nullptr ? verdict_cache::key(o.model, images, text) : std::string();
    if (const auto known = cache != nullptr ? cache->find(key) : std::nullopt) {
      verdicts[q] = *known;
      continue;
    }
    asked.push_back(q);
    keys.push_back(std::move(key));
    bodies.push_back(chat_request(
        o, images, text, {{"max_tokens", 1}, {"temperature", 0}, {"logprobs", true}, {"top_logprobs", 20}}));
  }
  post_all(o.url, bodies, o.http, [&](std::size_t i, const std::string& body) {
    const auto read = verdict_of_reply(body, one, other);
    if (!read.problem.empty()) return read.problem;
    verdicts[asked[i]] = read.verdict;
    ++counts.asked;
    counts.without_log_probs += read.without_log_probs;
    counts.unreadable += read.unreadable;
    if (cache != nullptr) cache->add(keys[i], read.verdict);
    return std::string();
  });
  return verdicts;
}

}  // namespace detail

CANDOR_INLINE remote_judge::remote_judge(endpoint_options options, const std::filesystem::path& cache,
                                         std::string suffix)
    : options_(std::move(options)),
      suffix_(std::move(suffix)),
      cache_(cache.empty() ? nullptr : std::make_unique<verdict_cache>(cache)) {}

CANDOR_INLINE std::vector<std::vector<yes_no_answer>> remote_judge::judge(
    std::span<const picture_questions> pictures) {
  std::vector<detail::remote_question> asked;
  for (const auto& picture : pictures)
    for (const auto& question : picture.questions) asked.push_back({picture.images, question + suffix_});
  const auto read = detail::read_words_remotely(options_, asked, "yes", "no", cache_.get(), counts_);
  std::vector<std::vector<yes_no_answer>> verdicts;
  auto next = read.begin();
  for (const auto& picture : pictures) {
    const auto end = next + static_cast<std::ptrdiff_t>(picture.questions.size());
    verdicts.emplace_back(next, end);
    next = end;
  }
  return verdicts;
}

CANDOR_INLINE remote_pairwise_judge::remote_pairwise_judge(endpoint_options options,
                                                           const std::filesystem::path& cache)
    : options_(std::move(options)),
      cache_(cache.empty() ? nullptr : std::make_unique<verdict_cache>(cache)) {}

CANDOR_INLINE std::vector<pairwise_verdict> remote_pairwise_judge::compare(
    std::span<const answer_contest> contests) {
  std::vector<detail::remote_question> asked;
  for (const auto& contest : contests) asked.push_back({contest.images, pairwise_prompt(contest)});
  std::vector<pairwise_verdict> verdicts;
  for (const auto& read : detail::read_words_remotely(options_, asked, "a", "b", cache_.get(), counts_))
    verdicts.push_back({read.yes, read.no});
  return verdicts;
}

CANDOR_INLINE void sample_remotely(const endpoint_options& endpoint,
                                   std::span<const picture_questions> prompts, const remote_sampling& how,
                                   std::uint64_t first_key,
                                   function_ref<void(std::size_t, std::size_t, remote_answer&&)> use) {
  std::vector<std::string> bodies;
  const auto samples = static_cast<std::size_t>(how.samples);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    require<usage_error>(prompts[p].questions.size() == 1, prompts[p].source,
                         ": expected one question, found ", prompts[p].questions.size());
    random_stream seeds(how.seed, first_key + p);
    for (std::size_t s = 0; s < samples; ++s) {
      detail::json fields{{"max_tokens", how.max_new_tokens},
                          {"temperature", how.temperature},
                          {"seed", seeds.next_word() >> 1}};  // servers take 31 bits
      if (how.top_k > 0) fields["top_k"] = how.top_k;
      if (how.top_p < 1) fields["top_p"] = how.top_p;
      if (how.repetition_penalty != 1) fields["repetition_penalty"] = how.repetition_penalty;
      bodies.push_back(
          detail::chat_request(endpoint, prompts[p].images, prompts[p].questions.front(), std::move(fields)));
    }
  }
  post_all(endpoint.url, bodies, endpoint.http, [&](std::size_t i, const std::string& body) {
    std::string problem;
    const auto choice = detail::first_choice(body, problem);
    const std::string* content = problem.empty() ? detail::content_of(choice) : nullptr;
    if (problem.empty() && content == nullptr)
      problem = "the server's answer has no text: " + body.substr(0, 200);
    if (!problem.empty()) return problem;
    const auto reason = choice.find("finish_reason");
    use(i / samples, i % samples, {*content, reason == choice.end() || *reason != "length"});
    return std::string();
  });
}

CANDOR_INLINE std::vector<std::vector<remote_answer>> sample_remotely(
    const endpoint_options& endpoint, std::span<const picture_questions> prompts, const remote_sampling& how,
    std::uint64_t first_key) {
  std::vector<std::vector<remote_answer>> answers(
      prompts.size(), std::vector<remote_answer>(static_cast<std::size_t>(how.samples)));
  sample_remotely(endpoint, prompts, how, first_key,
                  [&](std::size_t picture, std::size_t sample, remote_answer&& answer) {
                    answers[picture][sample] = std::move(answer);
                  });
  return answers;
}

}  // namespace CANDOR_NS
