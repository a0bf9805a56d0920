// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Greedy decoding and sampling with continuous batching: a text that ends makes room for the next, of its
/// prompt or of the next prompt. A text's random numbers depend on its prompt's key, its own index and its
/// place alone.

#include <candor/autograd/ops/log_probs.hpp>
#include <candor/model/prompts_in_flight.hpp>
#include <candor/model/token_choice.hpp>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace CANDOR_NS {

template <class B, class T>
class sampler {
 public:
  using A = accumulator_t<T>;

  sampler(decoder<B, T>& state, B& backend, prompts_in_flight<B, T>& prompts, const generate_options& options)
      : state_(state), backend_(backend), prompts_(prompts), options_(options) {}

  void run() {
    while (begin_texts(), !texts_.empty()) step();
  }

 private:
  struct open_text {
    open_prompt* prompt = nullptr;
    std::size_t sample = 0;
    std::int32_t branch = -1, contrast = -1;
    std::uint64_t seed = 0;
    generated_text text = {};
    std::vector<std::int32_t> words = {};  // of prompt and text, each once, ascending
  };

  bool contrasted() const { return options_.contrast_alpha > 0; }
  /// Texts at the same time: with contrast each is two branches.
  std::int64_t most() const {
    return std::max<std::int64_t>(options_.max_branches / (contrasted() ? 2 : 1), 1);
  }
  std::int64_t room() const { return most() - count(); }

  /// Fills the room with texts of open prompts, then of new ones. New prompts wait for some room, so that
  /// their stems are computed together.
  void begin_texts() {
    for (;;) {
      while (!begun_.empty() && room() > 0) {
        open_prompt& prompt = *begun_.front();
        begin_text(prompt);
        if (prompt.begun == options_.samples) begun_.erase(begun_.begin());
      }
      const std::int64_t wanted = (room() + options_.samples - 1) / options_.samples;
      if (wanted <= 0 || (!texts_.empty() && 8 * room() < most())) return;
      begun_ = prompts_.admit(wanted);
      if (begun_.empty()) return;
    }
  }

  void begin_text(open_prompt& prompt) {
    open_text t{.prompt = &prompt, .sample = static_cast<std::size_t>(prompt.begun++)};
    prompt.texts.resize(static_cast<std::size_t>(options_.samples));
    t.branch = state_.open(prompt.stem);
    if (contrasted()) t.contrast = state_.open(prompt.contrast);
    t.seed = random_stream(options_.seed, prompt.key * 0x9e3779b97f4a7c15ull + t.sample).next_double_word();
    t.words = prompt.words;
    texts_.push_back(std::move(t));
  }

  /// One token more for every text.
  void step() {
    auto z = state_.logits(branches(&open_text::branch));  // (n, V)
    auto of_model =
        options_.log_probs && (contrasted() || options_.repetition_penalty != 1) ? z.clone() : tensor<B, A>();
    if (contrasted()) {
      const auto other = state_.logits(branches(&open_text::contrast));
      backend_.rows(count(), 2 * z.view().cols,
                    contrast_program<B, A>{z.view(), other.view(), static_cast<A>(options_.contrast_alpha),
                                           static_cast<A>(std::log(options_.contrast_beta))});
    }
    penalise_repetition(backend_, z.view(), words(), options_.repetition_penalty);
    const auto chosen = choose(z);
    const auto tokens = chosen.to_vector();
    for (std::size_t i = 0; i < texts_.size(); ++i)
      require<numeric_error>(tokens[i] >= 0, "[generate] the logits of token ",
                             texts_[i].text.tokens.size() + 1, " of text ", texts_[i].sample, " of prompt ",
                             texts_[i].prompt->index,
                             " are not numbers; the weights are damaged, or overflow in this element type");
    const auto log_probs =
        options_.log_probs ? log_probs_of(of_model ? of_model : z, chosen) : std::vector<A>();
    std::vector<open_text> going;
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      open_text& t = texts_[i];
      t.text.tokens.push_back(tokens[i]);
      if (options_.log_probs) t.text.log_probs.push_back(static_cast<float>(log_probs[i]));
      if (ended(t.text)) {
        end(t);
        continue;
      }
      if (options_.repetition_penalty != 1)
        if (const auto at = std::lower_bound(t.words.begin(), t.words.end(), tokens[i]);
            at == t.words.end() || *at != tokens[i])
          t.words.insert(at, tokens[i]);
      going.push_back(std::move(t));
    }
    texts_ = std::move(going);
    append();
  }

  std::int64_t count() const { return static_cast<std::int64_t>(texts_.size()); }
  std::vector<std::int32_t> branches(std::int32_t open_text::*which) const {
    std::vector<std::int32_t> out;
    for (const auto& t : texts_) out.push_back(t.*which);
    return out;
  }

  std::vector<std::span<const std::int32_t>> words() const {
    std::vector<std::span<const std::int32_t>> out;
    for (const auto& t : texts_) out.emplace_back(t.words);
    return out;
  }

  tensor<B, std::int32_t> choose(const tensor<B, A>& z) {
    std::vector<std::uint64_t> seeds;
    std::vector<std::int32_t> places;
    for (const auto& t : texts_) {
      seeds.push_back(t.seed);
      places.push_back(static_cast<std::int32_t>(t.text.tokens.size()));
    }
    const auto seeds_there = tensor<B, std::uint64_t>::from(backend_, shape{count()}, seeds);
    const auto places_there = to_backend(backend_, places);
    tensor<B, std::int32_t> chosen(backend_, shape{count()});
    const bool drawn = options_.temperature > 0;
    tensor<B, A> weights;
    if (drawn && options_.top_p < 1) weights = tensor<B, A>(backend_, shape{count(), z.view().cols});
    const token_filter<A> filter{drawn ? static_cast<A>(1.0 / options_.temperature) : A(0), options_.top_k,
                                 static_cast<A>(options_.top_p)};
    backend_.rows(
        count(), 4 * z.view().cols,
        choose_token_program<B, A>{z.view(), seeds_there.view().data, places_there.view().data,
                                   chosen.view().data, filter, weights ? weights.view() : view<B, A>{}});
    return chosen;
  }

  std::vector<A> log_probs_of(tensor<B, A>& z, const tensor<B, std::int32_t>& chosen) {
    std::vector<std::int32_t> starts(static_cast<std::size_t>(count() + 1));
    std::iota(starts.begin(), starts.end(), 0);
    const auto starts_there = to_backend(backend_, starts);
    tensor<B, A> log_probs(backend_, shape{count()}), lse(backend_, shape{count()});
    backend_.rows(count(), 4 * z.view().cols,
                  log_prob_program<B, A>{z.view(), starts_there.view().data, chosen.view().data,
                                         log_probs.view().data, lse.view().data});
    return log_probs.to_vector();
  }

  bool ended(generated_text& text) const {
    text.end = text_end::stop_token;
    if (text.tokens.back() == options_.stop_token) return true;
    text.end = text_end::stop_string;
    if (options_.stop && options_.stop(text.tokens)) return true;
    text.end = text_end::length;
    return static_cast<std::int64_t>(text.tokens.size()) >= options_.max_new_tokens;
  }

  void end(open_text& t) {
    state_.close(t.branch);
    if (contrasted()) state_.close(t.contrast);
    open_prompt& prompt = *t.prompt;
    prompts_.count(t.text);
    prompt.texts[t.sample] = std::move(t.text);
    if (++prompt.ended == options_.samples) prompts_.finish(prompt);
  }

  void append() {
    if (texts_.empty()) return;
    auto all = branches(&open_text::branch);
    std::vector<std::int32_t> tokens;
    for (const auto& t : texts_) tokens.push_back(t.text.tokens.back());
    if (contrasted()) {
      const auto others = branches(&open_text::contrast);
      all.insert(all.end(), others.begin(), others.end());
      tokens.insert(tokens.end(), tokens.begin(),
                    tokens.begin() + static_cast<std::ptrdiff_t>(others.size()));
    }
    state_.append(all, tokens);
  }

  decoder<B, T>& state_;
  B& backend_;
  prompts_in_flight<B, T>& prompts_;
  const generate_options& options_;
  std::vector<open_prompt*> begun_;  // that have texts to begin, in order
  std::vector<open_text> texts_;
};

}  // namespace CANDOR_NS
