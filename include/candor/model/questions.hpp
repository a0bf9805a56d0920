// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Many questions about one image in one pass: the image is the stem, each question a branch, and the next
/// token is read at each branch's end. So RLAIF-V's labeler asks (Yu et al., 2024; its code reads the first
/// generated position over the whole vocabulary):
///     p_yes = P("yes") + P("Yes"),   p_no = P("no") + P("No"),   confirmed where p_yes > p_no
///
///     const auto words = candor::yes_no_tokens_of(model.processor());
///     const candor::encoded_record asked{candor::question_tree(model.processor(), questions, 1), pixels};
///     const candor::encoded_record* records[] = {&asked};
///     const auto answers = candor::ask_yes_no<candor::host, float>(model.network(), records, words);

#include <candor/model/processor.hpp>
#include <candor/model/scoring.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS {

/// The vocabulary ids that say yes, and those that say no.
struct yes_no_tokens {
  std::vector<std::int32_t> yes, no;
};

/// The ids of words that are one token at the beginning of an answer in the processor's template; others are
/// left out.
std::vector<std::int32_t> single_token_words(const processor& p, std::span<const std::string> words);

/// The ids of "yes", "Yes" and of "no", "No" as the first and only token of an answer in the processor's
/// template; a word of several tokens is left out. input_error where none is left on a side.
yes_no_tokens yes_no_tokens_of(const processor& p);

/// The questions as branches on what their prompts have in common from the beginning (system text, image and
/// usually more): the same tokens as one by one, and none of them twice. Nothing is scored. Without questions
/// the forest is empty. `where` begins error messages (file and line).
forest question_tree(const processor& p, std::span<const std::string> questions, std::size_t images,
                     std::string_view where = {});

/// What the model answers to one question.
struct yes_no_answer {
  double yes = 0, no = 0;  ///< probabilities of the first token, over the whole vocabulary
  bool confirmed() const { return yes > no; }  ///< a tie is none
};

/// Log-probs in nats of some next tokens at the ends of branches: result[record][branch][token]. A record's
/// forest is one stem with branches that hang on it, or a stem alone, which is read at its own end; an empty
/// one gives nothing.
template <class B, class T>
std::vector<std::vector<std::vector<float>>> next_log_probs(llava_network<B, T>& network,
                                                            std::span<const encoded_record* const> records,
                                                            std::span<const std::int32_t> tokens,
                                                            const scoring_options& options = {}) {
  std::vector<std::vector<std::vector<float>>> result(records.size());
  for (std::size_t r = 0; r < records.size(); ++r)
    for (std::size_t s = 1; s < records[r]->tree.segments.size(); ++s)
      require<shape_error>(records[r]->tree.segments[s].parent == 0, "[next_log_probs] segment ", s,
                           " of record ", r, " hangs on segment ", records[r]->tree.segments[s].parent,
                           "; expected one stem with branches on it");
  require<usage_error>(options.packing.layout == layout_kind::shared,
                       "[next_log_probs] reads shared stems only");
  const auto trees = trees_of(records);
  for (auto& batch : pack(trees, options.packing)) {
    std::vector<std::int32_t> rows;
    head_targets targets;
    for (std::size_t f = 0; f < batch.forests.size(); ++f) {
      const auto& segments = trees[static_cast<std::size_t>(batch.forests[f])]->segments;
      std::int32_t end = batch.layout->trees[f];
      for (std::size_t s = 0; s < segments.size(); ++s) {
        end += static_cast<std::int32_t>(segments[s].tokens.size());
        if (s == 0 && segments.size() > 1) continue;
        rows.push_back(end - 1);
        targets.starts.push_back(static_cast<std::int32_t>(targets.tokens.size()));
        targets.tokens.insert(targets.tokens.end(), tokens.begin(), tokens.end());
      }
    }
    targets.starts.push_back(static_cast<std::int32_t>(targets.tokens.size()));
    batch.hidden_rows = std::move(rows);
    batch.targets = std::move(targets);
    tape<B> quiet(network.backend(), tape<B>::mode::evaluate);
    const forward_context<B> context{.tape = quiet, .adapters = options.adapters};
    const auto values = network.log_probs(context, batch, pass_features(network, context, batch, records))
                            .storage()
                            .to_vector();
    auto next = values.begin();
    for (const auto f : batch.forests) {
      auto& read = result[static_cast<std::size_t>(f)];
      read.resize(std::max<std::size_t>(trees[static_cast<std::size_t>(f)]->segments.size(), 2) - 1);
      for (auto& branch : read)
        for (std::size_t t = 0; t < tokens.size(); ++t) branch.push_back(static_cast<float>(*next++));
    }
  }
  return result;
}

/// The answers to all questions: result[record][question]. Each record is a question_tree with its pixels.
/// numeric_error where the logits are NaN.
template <class B, class T>
std::vector<std::vector<yes_no_answer>> ask_yes_no(llava_network<B, T>& network,
                                                   std::span<const encoded_record* const> records,
                                                   const yes_no_tokens& words,
                                                   const scoring_options& options = {}) {
  std::vector<std::int32_t> tokens = words.yes;
  tokens.insert(tokens.end(), words.no.begin(), words.no.end());
  std::vector<std::vector<yes_no_answer>> answers;
  for (const auto& record :
       next_log_probs(network, records, std::span<const std::int32_t>(tokens), options)) {
    auto& of_record = answers.emplace_back();
    for (const auto& log_probs : record) {
      yes_no_answer a;
      for (std::size_t t = 0; t < tokens.size(); ++t)
        (t < words.yes.size() ? a.yes : a.no) += std::exp(static_cast<double>(log_probs[t]));
      require<numeric_error>(!std::isnan(a.yes + a.no), "[ask_yes_no] the logits of question ",
                             of_record.size(), " about record ", answers.size() - 1,
                             " are not numbers; the weights are damaged, or overflow in this element type");
      of_record.push_back(a);
    }
  }
  return answers;
}

}  // namespace CANDOR_NS

#if CANDOR_DEFINES
#include <candor/model/questions_impl.hpp>
#endif
