// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// A served model as judge and as the one who answers: any endpoint that speaks OpenAI's chat completions
/// (vLLM, SGLang, llama.cpp, ...). The picture goes along as a data URL. P(yes) and P(no) are read from the
/// log-probs of the first token's likeliest alternatives, case and space variants summed; where the server
/// gives none, its word counts.

#include <candor/core/function_ref.hpp>
#include <candor/feedback/http.hpp>
#include <candor/feedback/judge.hpp>
#include <candor/feedback/pairwise.hpp>
#include <candor/feedback/verdict_cache.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

struct endpoint_options {
  std::string url;    ///< "http://localhost:8000/v1/chat/completions"
  std::string model;  ///< as the server calls it
  http_options http = {};
  std::uint64_t max_image_bytes = std::uint64_t{8} << 20;  ///< of a picture's file; larger ones are refused
};

/// What the judge could not do as it should.
struct remote_counts {
  std::int64_t asked = 0;              ///< questions that went to the server
  std::int64_t without_log_probs = 0;  ///< of those: read from the word, so that they are 0 or 1
  std::int64_t unreadable = 0;         ///< neither of the two words: not confirmed, or a tie
};

class remote_judge {
 public:
  /// With a cache, what is in it for this model (by its name, wherever it is served) is not asked again.
  /// `suffix` follows each question.
  explicit remote_judge(endpoint_options options, const std::filesystem::path& cache = {},
                        std::string suffix = " Please answer yes or no.");

  /// Errors: io_error where the server does not answer in the end, input_error for pictures that are too
  /// large.
  std::vector<std::vector<yes_no_answer>> judge(std::span<const picture_questions> pictures);
  const remote_counts& counts() const { return counts_; }

 private:
  endpoint_options options_;
  std::string suffix_;
  std::unique_ptr<verdict_cache> cache_;
  remote_counts counts_;
};

/// The same as a pairwise judge: it reads P(A) and P(B) under feedback/pairwise.hpp's prompt.
class remote_pairwise_judge {
 public:
  explicit remote_pairwise_judge(endpoint_options options, const std::filesystem::path& cache = {});

  std::vector<pairwise_verdict> compare(std::span<const answer_contest> contests);
  const remote_counts& counts() const { return counts_; }

 private:
  endpoint_options options_;
  std::unique_ptr<verdict_cache> cache_;
  remote_counts counts_;
};

/// An answer of a served model.
struct remote_answer {
  std::string text;
  bool finished = true;  ///< false: the limit of length ended it
};

struct remote_sampling {
  std::int64_t samples = 1;
  double temperature = 0.7;
  std::int64_t max_new_tokens = 512;
  std::uint64_t seed = 0;  ///< each request has its own, made of this, its picture's place and its sample's
  // Sent only where they are not these, under vLLM's names: OpenAI's own endpoint knows top_p alone.
  std::int32_t top_k = 0;
  double top_p = 1.0, repetition_penalty = 1.0;
};

/// Samples answers to one question a picture (the first of each): result[picture][sample]. Each sample is a
/// request.
std::vector<std::vector<remote_answer>> sample_remotely(const endpoint_options& endpoint,
                                                        std::span<const picture_questions> prompts,
                                                        const remote_sampling& how,
                                                        std::uint64_t first_key = 0);

/// The same with answers handed over as they come, in any order: use(picture, sample, answer).
void sample_remotely(const endpoint_options& endpoint, std::span<const picture_questions> prompts,
                     const remote_sampling& how, std::uint64_t first_key,
                     function_ref<void(std::size_t, std::size_t, remote_answer&&)> use);

namespace detail {

/// The probabilities of two words in one reply, and how they were read. Empty `problem`: it could be read as
/// a reply at all.
struct read_verdict {
  yes_no_answer verdict;
  bool without_log_probs = false, unreadable = false;
  std::string problem;
};
read_verdict verdict_of_reply(const std::string& body, std::string_view one = "yes",
                              std::string_view other = "no");

}  // namespace detail

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/feedback/remote_judge_impl.hpp>
#endif
