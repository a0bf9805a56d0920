// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The prompts whose texts are being written: they come from a source as memory allows, their stems are
/// computed together, and their texts leave in the prompts' order.

#include <candor/model/decoder.hpp>
#include <candor/model/generate_options.hpp>

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace CANDOR_NS {

/// One prompt in flight.
struct open_prompt {
  std::size_t index = 0;                 // among all prompts
  std::uint64_t key = 0;                 // of the record
  std::int32_t stem = -1;                // its name in the decoder
  std::int32_t contrast = -1;            // that of the stem with the other image
  std::vector<std::int32_t> words = {};  // that it has, each once: for the repetition penalty
  std::int64_t begun = 0, ended = 0;     // texts
  std::vector<generated_text> texts = {};
};

template <class B, class T>
class prompts_in_flight {
 public:
  prompts_in_flight(llava_network<B, T>& network, const forward_context<B>& context, decoder<B, T>& state,
                    const generate_options& options, prompt_source source, text_sink sink,
                    const variable<B, T>& soft_image)
      : network_(network),
        context_(context),
        state_(state),
        options_(options),
        source_(source),
        sink_(sink),
        soft_image_(soft_image) {}

  const generate_counts& counts() const { return counts_; }

  /// Takes up to `count` new prompts in, as far as options.max_tokens allows, but one at least where none is
  /// open.
  std::vector<open_prompt*> admit(std::int64_t count) {
    std::vector<generate_prompt> taken;
    std::int64_t tokens = state_.stem_tokens();
    while (static_cast<std::int64_t>(taken.size()) < count) {
      if (!waiting_ && !exhausted_) {
        waiting_ = source_();
        exhausted_ = waiting_->record == nullptr;
        if (exhausted_) waiting_.reset();
      }
      if (!waiting_) break;
      const std::int64_t own = waiting_->record->tree.tokens() * (contrasted() ? 2 : 1);
      if (tokens + own > options_.max_tokens && !(open_.empty() && taken.empty())) break;
      tokens += own;
      taken.push_back(*std::exchange(waiting_, std::nullopt));
    }
    if (taken.empty()) return {};
    const auto stems = add_stems(taken, false);
    const auto others = contrasted() ? add_stems(taken, true) : std::vector<std::int32_t>(taken.size(), -1);
    std::vector<open_prompt*> out;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const forest& tree = taken[i].record->tree;
      const auto index = static_cast<std::size_t>(counts_.prompts++);
      out.push_back(&open_.emplace(index, open_prompt{index, tree.key, stems[i], others[i], words_of(tree)})
                         .first->second);
    }
    return out;
  }

  /// Hands over empty texts for every prompt.
  void skip_all() {
    while (source_().record != nullptr)
      sink_(static_cast<std::size_t>(counts_.prompts++),
            std::vector<generated_text>(static_cast<std::size_t>(options_.samples)));
  }

  /// Notes a text of a prompt that is whole.
  void count(const generated_text& text) {
    ++counts_.texts;
    counts_.tokens += static_cast<std::int64_t>(text.tokens.size());
    counts_.ended_by_length += text.end == text_end::length;
  }

  /// All texts of the prompt are there: forgets its stems, and hands over what is whole in order.
  void finish(open_prompt& prompt) {
    state_.close_stem(prompt.stem);
    if (prompt.contrast >= 0) state_.close_stem(prompt.contrast);
    const std::size_t index = prompt.index;
    whole_.emplace(index, std::move(prompt.texts));
    open_.erase(index);
    for (auto it = whole_.begin(); it != whole_.end() && it->first == next_; it = whole_.erase(it)) {
      ++next_;
      sink_(it->first, std::move(it->second));
    }
  }

 private:
  bool contrasted() const { return options_.contrast_alpha > 0; }

  std::vector<std::int32_t> add_stems(const std::vector<generate_prompt>& prompts, bool contrast) {
    std::vector<const encoded_record*> records;
    std::vector<std::int32_t> soft_rows;
    packed_batch images;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const bool soft = contrast && soft_image_;
      const auto* record = (contrast && !soft ? prompts[i].contrast : prompts[i].record).get();
      require<usage_error>(record != nullptr, "[generate] contrast has an alpha of ", options_.contrast_alpha,
                           ", but a prompt comes without a contrast record, and no soft image is given");
      records.push_back(record);
      images.forests.push_back(static_cast<std::int32_t>(i));
      if (soft)
        for (std::int32_t row = 0; row < record->tree.feature_rows; ++row)
          soft_rows.push_back(static_cast<std::int32_t>(row % soft_image_.rows()));
    }
    const auto trees = trees_of(records);
    const auto features = !soft_rows.empty() ? gather(context_.tape, soft_image_, soft_rows)
                                             : pass_features(network_, context_, images,
                                                             std::span<const encoded_record* const>(records));
    return state_.add_stems(trees, features);
  }

  /// An image counts as the word that marks it, as in transformers' input ids.
  std::vector<std::int32_t> words_of(const forest& tree) const {
    if (options_.repetition_penalty == 1) return {};
    std::vector<std::int32_t> words;
    const auto mark = network_.config().image_token_index;
    for (const auto token : tree.segments.front().tokens)
      if (token >= 0 || mark >= 0) words.push_back(token >= 0 ? token : static_cast<std::int32_t>(mark));
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    return words;
  }

  llava_network<B, T>& network_;
  forward_context<B> context_;
  decoder<B, T>& state_;
  const generate_options& options_;
  prompt_source source_;
  text_sink sink_;
  variable<B, T> soft_image_;  // (rows, C) in place of the features of every contrast image, if given
  std::optional<generate_prompt> waiting_;
  bool exhausted_ = false;
  std::map<std::size_t, open_prompt> open_;
  std::map<std::size_t, std::vector<generated_text>> whole_;  // that wait for an earlier prompt
  std::size_t next_ = 0;                                      // prompt to hand over
  generate_counts counts_;
};

}  // namespace CANDOR_NS
