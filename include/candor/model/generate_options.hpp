// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// What can be asked of text generation, under transformers' names where they mean the same, and what comes
/// of it.

#include <candor/core/error.hpp>
#include <candor/core/function_ref.hpp>
#include <candor/model/scoring.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// When a beam search ends, as transformers' early_stopping: `no` where the best running text, at its present
/// length, is behind the worst finished one; `yes` as soon as there are num_beams finished texts; `never`
/// where no running text can come before the worst finished one any more.
enum class early_stopping : std::uint8_t { no, yes, never };

struct generate_options {
  std::int64_t max_new_tokens = 256;
  double temperature = 0.0;  ///< 0: greedy, the most likely token
  std::int64_t samples = 1;  ///< of each prompt; num_return_sequences of a beam search
  std::uint64_t seed = 0;
  std::int32_t stop_token = 2;  ///< ends a text and is kept as its last token; -1: none

  std::int32_t top_k = 0;           ///< draw from this many of the most likely tokens; 0: all
  double top_p = 1.0;               ///< draw from the fewest that have this probability together; 1: all
  double repetition_penalty = 1.0;  ///< on tokens of prompt and text so far: logit / it, or * it below zero
  /// Called with the text so far, its last token included; true ends it: see stop_strings.hpp.
  std::function<bool(std::span<const std::int32_t>)> stop = {};
  bool log_probs = false;  ///< of each token under the model: neither filtered nor at the temperature

  std::int64_t num_beams = 1;   ///< above 1: beam search, which neither draws nor filters
  double length_penalty = 1.0;  ///< a beam's score is its log-prob / length^length_penalty
  early_stopping stopping = early_stopping::no;
  std::int64_t num_beam_groups = 1;  ///< above 1: diverse beam search, see group_beams.hpp
  double diversity_penalty =
      0.0;  ///< nats, on a token for each beam of an earlier group that has just taken it

  double contrast_alpha = 0.0;  ///< logits (1 + alpha) z(image) - alpha z(contrast); 0: no contrast
  double contrast_beta = 0.1;   ///< only tokens with at least this part of the likeliest one's probability

  std::int64_t max_branches = 64;  ///< texts that are written at the same time
  std::int64_t max_tokens =
      8192;  ///< of the prompts whose texts are written at the same time, images included
};

/// usage_error for options that mean nothing, alone or together.
inline void check_options(const generate_options& o) {
  const auto within = [](double x, double least, double most) { return x >= least && x <= most; };  // not NaN
  require<usage_error>(o.samples > 0 && within(o.temperature, 0, 1e9), "[generate] ", o.samples,
                       " samples at temperature ", o.temperature,
                       "; expected at least one, and a temperature from 0");
  require<usage_error>(o.top_k >= 0 && within(o.top_p, 0, 1), "[generate] top-k ", o.top_k, " and top-p ",
                       o.top_p,
                       "; expected a top-k from 0 (all tokens) and a top-p between 0 and 1 (all tokens)");
  require<usage_error>(within(o.repetition_penalty, 1e-6, 1e6), "[generate] repetition penalty ",
                       o.repetition_penalty, "; expected a positive number, 1 for none");
  require<usage_error>(o.num_beams > 0 && o.max_branches > 0 && o.max_tokens > 0, "[generate] ", o.num_beams,
                       " beams, ", o.max_branches, " branches and ", o.max_tokens,
                       " tokens; expected at least one of each");
  require<usage_error>(within(o.contrast_alpha, 0, 1e6) && within(o.contrast_beta, 0, 1),
                       "[generate] contrast with alpha ", o.contrast_alpha, " and beta ", o.contrast_beta,
                       "; expected an alpha from 0 and a beta between 0 and 1");
  require<usage_error>(o.num_beam_groups > 0 && o.num_beams % o.num_beam_groups == 0, "[generate] ",
                       o.num_beam_groups, " groups of ", o.num_beams,
                       " beams; expected groups of equal size");
  require<usage_error>(
      within(o.diversity_penalty, 0, 1e6) && (o.num_beam_groups > 1 || o.diversity_penalty == 0),
      "[generate] a diversity penalty of ", o.diversity_penalty, " among ", o.num_beam_groups,
      " groups of beams; expected a number from 0, and several groups for it");
  require<usage_error>(o.num_beam_groups == 1 || o.repetition_penalty == 1,
                       "[generate] groups of beams take no repetition penalty");
  if (o.num_beams == 1) return;
  require<usage_error>(o.samples <= o.num_beams, "[generate] ", o.samples, " texts of ", o.num_beams,
                       " beams; a search returns at most as many as it has beams");
  require<usage_error>(
      o.temperature == 0 && o.top_k == 0 && o.top_p == 1 && o.contrast_alpha == 0 && !o.log_probs,
      "[generate] a beam search takes neither temperature, top-k, top-p, contrast nor log-probs of tokens");
  require<usage_error>(std::isfinite(o.length_penalty), "[generate] length penalty ", o.length_penalty,
                       " is no number");
}

enum class text_end : std::uint8_t { stop_token, stop_string, length };

constexpr std::string_view name_of(text_end end) {
  return end == text_end::stop_token ? "stop_token" : end == text_end::stop_string ? "stop_string" : "length";
}

struct generated_text {
  std::vector<std::int32_t> tokens = {};  ///< the stop token, where it came, is the last
  std::vector<float> log_probs = {};      ///< nats, of each token, where asked for
  text_end end = text_end::length;
  double score = 0;  ///< of a beam: log-prob / length^length_penalty
};

/// A prompt is a forest of one segment with its pixels; `contrast` is the same with a distorted image.
struct generate_prompt {
  std::shared_ptr<const encoded_record> record = {}, contrast = {};
};

/// Gives the next prompt, and one without a record after the last.
using prompt_source = function_ref<generate_prompt()>;
/// Takes the texts of a prompt; prompts come in their order.
using text_sink = function_ref<void(std::size_t prompt, std::vector<generated_text>&& texts)>;

struct generate_counts {
  std::int64_t prompts = 0, texts = 0, tokens = 0;
  std::int64_t ended_by_length = 0;  ///< texts that max_new_tokens cut off
};

}  // namespace CANDOR_NS
